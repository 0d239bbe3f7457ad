// Command reading asks Go's own HTTP server, and the API server's own RequestInfo, how they read request heads.
//
// It makes heads from the parts below: each part alone, then random combinations with a fixed seed. Every head goes over a real connection
// to a real net/http server. It writes one JSON object a line: the head, and Go's reading of it, or the status with which Go refused it.
//
//	cd tests/policy/reading && go run . >corpus.jsonl
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand"
	"net"
	"net/http"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"
)

// Row is a head and what Go read from it. Strings hold bytes as the code points U+0000 to U+00FF where bytes are meant.
type Row struct {
	Head     string              `json:"head"`
	Refused  int                 `json:"refused,omitempty"` // the status of Go's refusal
	Method   string              `json:"method,omitempty"`
	Path     string              `json:"path,omitempty"`
	Info     []string            `json:"info,omitempty"` // verb, group, version, resource, subresource, namespace, name; only a verb if it names no resource
	Query    map[string][]string `json:"query,omitempty"`
	Flags    map[string]bool     `json:"flags,omitempty"` // of the keys that are booleans, as apimachinery converts them
	Text     map[string]string   `json:"text,omitempty"`  // of the keys that are one string
	Length   int64               `json:"length,omitempty"`
	Headers  []string            `json:"headers,omitempty"` // names, as the handler sees them, sorted as Go prints them
	KeepOpen bool                `json:"keep,omitempty"`
}

var methods = []string{"GET", "GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

const web = "/api/v1/namespaces/web"

var paths = []string{
	"/", "/version", "/version/", "/api", "/api/", "/api/v1", "/api/v1/", "/apis", "/apis/", "/apis/apps", "/apis/apps/", "/apis/apps/v1", "/apis/apps/v1/",
	"/healthz", "/healthz/", "/openapi/v3/", "/metrics", "/m%C3%A9trics",
	web + "/pods", web + "/pods/", web + "/pods/x", web + "/pods/x/", web + "/p%6Fds", web + "/pods/%78", web + "/pods/x%2Ey", web + "/pods/x/log",
	web + "/pods/x/ex%65c", web + "/pods/x/attach", web + "/pods/x/portforward", web + "/pods/x/status", web + "/configmaps", web + "/secrets/tls%3Aa",
	web, web + "/", web + "/status", web + "/finalize", "/api/v1/namespaces", "/api/v1/namespaces/", "/api/v1/pods", "/api/v1/nodes/n1", "/api/v1/%6Eodes",
	"/apis/apps/v1/deployments", "/apis/apps/v1/namespaces/web/deployments/x/scale", "/apis/x.io/v1/namespaces/web", "/apis/x.io/v1/things/a/b/c/d",
	"/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node", "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode",
	web + "/services/x/proxy", web + "/services/x/proxy/", web + "/services/web:8080/proxy/a/b", web + "/services/web%3A8080/proxy/a%2Fb",
	web + "/services/https%3Aweb%3A8443/proxy/a%2F%2Fb%25", web + "/pods/web%3A8080/proxy/a%2Fb", web + "/pods/%78/proxy/a%2Fb/c", web + "/p%6Fds/x/pr%6Fxy/%2F",
	"/api/v1/n%61mespaces/web/services/x/proxy/%2Fetc", "/api/v1/nodes/n1%3A10250/proxy/logs%2Fx", web + "/services/x/proxy//a//", web + "/services/x/proxy/a;b=c",
	web + "/services/x/proxy/[a]{b}|c\"d^e`f<g>", web + "/services/x/proxy/%E4%BD%A0", web + "/services/x/proxy/a%20b",
	// those that can be read in two ways
	web + "/pods/x%2Flog", web + "/pods/x%5Clog", web + "/pods/x%252Flog", web + "/services/x%2Fproxy/a%2Fb", web + "/services/%2F/proxy/a%2Fb",
	web + "/services/x/proxy/../../secrets", web + "/services/x/proxy/%2e%2E/secrets", web + "/services/x/proxy/..%2Fsecrets", web + "/pods/../secrets",
	web + "//pods", "//api/v1/pods", web + "/pods//", "/api//v1/pods", web + "/pods;x", web + "/pods[0]", web + "/pods/a#b", web + "/pods/a\\b", web + "/pods/%",
	web + "/pods/%zz", web + "/pods/%00", web + "/pods/%FF", web + "/pods/\xc3\xa9", "/api/v1/watch/pods", "/api/v1/proxy/nodes/x", "*", "http://h/api/v1/pods",
	web + "/configmaps/x/proxy/a%2Fb", "/apis/apps/v1/namespaces/web/pods/x/proxy/a%2Fb", web + "/services/x/proxy/a%5Cb", web + "/services/x/proxy/%00",
}

var pairs = []string{
	"watch=1", "watch=0", "watch=true", "watch=false", "watch=FALSE", "watch=", "watch", "w%61tch=1", "watch=no", "watch=+false", "Watch=1",
	"limit=1", "limit=500", "limit=1&limit=500", "labelSelector=a=b", "labelSelector=a&labelSelector=b", "labelSelector=a%20in%20(b,c)", "labelSelector=!a",
	"fieldSelector=metadata.name=x", "fieldSelector=metadata.name%3Dx", "fieldSelector=metadata.name%3D%3Dx", "fieldSelector=metadata.name!=x",
	"fieldSelector=status.phase=Running,metadata.name=y", "fieldSelector=metadata.name=x&fieldSelector=metadata.name=y", "fieldSelector=",
	"watch=0&watch=1", "watch=1&watch=0", "watch=1;limit=1", "watch=1;", ";watch=1", ";", "a;b&watch=1", "limit=1;watch=1&watch=0",
	"a[]=1", "a[b]={c}", "x=\"y\"", "x=a|b", "x=^`<>'", "x=\\", "x={\"a\":[1,2]}", "a=b=c", "=watch", "&&", "a&b", "a=%20+%2B", "a+b=c+d", "?watch=1", "%77%61tch=1",
	"container=a", "container=a&container=b", "stdin=1", "stdin=0&stdin=1", "stdin=1&stdin=0", "tty", "tty=True", "stdout=1&stderr=1", "follow=true", "follow=0",
	"command=ls", "command=sh&command=-c&command=ls+-l%20%26%26+a%2Bb", "command=&command=a%3Bb%0A", "command=a;b", "command={\"a\"}", "command=[x]|y",
	"dryRun=All", "dryRun=&dryRun=All", "timeoutSeconds=5&timeoutSeconds=x", "resourceVersion=0&resourceVersion=1", "pretty=1&pretty=0",
	// those that the gateway refuses although Go takes them
	"watch=%zz", "wat%ch=1", "watch=%00", "command=%FF", "x=\xc3\xa9", "watch=1#x", "limit=x",
}

var lines = []string{
	"X_Remote_User: root", "Content_Length: 5", "Transfer_Encoding: chunked", "X_A: 1\r\nX-A: 2", "Accept: */*", "X-Empty:", "X-Tab:\ta\t", "x-lower: 1",
	"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA", "Upgrade: foo", "Connection: close", "Connection: keep-alive",
	"Accept-Encoding: gzip", "Accept-Encoding: gzip\r\nAccept-Encoding: br", "X-Long: " + strings.Repeat("y", 5000), "X-~!#$%&'*+.^`|: 1", "X-High: \xe9",
	// those that can be read in two ways
	"X-Space : 1", "X-Fold: 1\r\n 2", "X Y: 1", ": 1", "X", "X-NUL: a\x00b", "Content-Length: 0\r\nContent-Length: 1", "Content-Length: +0", "Content-Length: 0, 0",
	"Transfer-Encoding: chunked\r\nContent-Length: 0", "Transfer-Encoding: gzip", "Host: b", "X-Ctl: a\x01b", "X-Bare: a\rb",
}

var booleans = []string{"watch", "stdin", "stdout", "stderr", "tty", "follow"}

var strs = []string{"container", "labelSelector", "fieldSelector", "limit", "resourceVersion"}

func read(r *http.Request) Row {
	factory := request.RequestInfoFactory{APIPrefixes: sets.NewString("api", "apis"), GrouplessAPIPrefixes: sets.NewString("api")}
	info, err := factory.NewRequestInfo(r)
	if err != nil {
		panic(err)
	}
	row := Row{Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Flags: map[string]bool{}, Text: map[string]string{}, Length: r.ContentLength, KeepOpen: !r.Close}
	row.Info = []string{info.Verb}
	if info.IsResourceRequest {
		row.Info = []string{info.Verb, info.APIGroup, info.APIVersion, info.Resource, info.Subresource, info.Namespace, info.Name}
	}
	for _, key := range booleans {
		if values := row.Query[key]; len(values) > 0 {
			var flag bool
			if err := runtime.Convert_Slice_string_To_bool(&values, &flag, nil); err != nil {
				panic(err)
			}
			row.Flags[key] = flag
		}
	}
	for _, key := range strs {
		if values := row.Query[key]; len(values) > 0 {
			var text string
			if err := runtime.Convert_Slice_string_To_string(&values, &text, nil); err != nil {
				panic(err)
			}
			row.Text[key] = text
		}
	}
	for _, name := range sets.StringKeySet(r.Header).List() {
		row.Headers = append(row.Headers, name)
	}
	return row
}

func latin(raw string) string {
	runes := make([]rune, len(raw))
	for at := range len(raw) {
		runes[at] = rune(raw[at])
	}
	return string(runes)
}

func main() {
	var seen Row
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = read(r)
		w.WriteHeader(299)
	})}
	go func() { _ = server.Serve(listener) }()
	ask := func(head string) Row {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, head)
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil { // a head that Go takes for a part of one is answered, too
			panic(err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			panic(fmt.Sprint(err, head))
		}
		row := Row{Refused: answer.StatusCode}
		if answer.StatusCode == 299 {
			row = seen
		}
		row.Head, row.Path = latin(head), latin(row.Path)
		for key, values := range row.Query {
			texts := []string{}
			for _, value := range values {
				texts = append(texts, latin(value))
			}
			delete(row.Query, key)
			row.Query[latin(key)] = texts
		}
		for key, value := range row.Text {
			row.Text[key] = latin(value)
		}
		return row
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	chance := rand.New(rand.NewSource(1))
	one := func(from []string) string { return from[chance.Intn(len(from))] }
	put := func(method, path string, queries []string, more []string) {
		target := path
		if len(queries) > 0 {
			target += "?" + strings.Join(queries, "&")
		}
		head := method + " " + target + " HTTP/1.1\r\nHost: gw\r\n"
		for _, line := range more {
			head += line + "\r\n"
		}
		if err := out.Encode(ask(head + "\r\n")); err != nil {
			panic(err)
		}
	}
	for _, path := range paths {
		for _, method := range methods[2:] {
			put(method, path, nil, nil)
		}
	}
	for _, pair := range pairs {
		for _, path := range []string{"/version", web + "/pods", web + "/pods/x/exec", web + "/pods/x/log", web + "/services/x/proxy/"} {
			put("GET", path, []string{pair}, nil)
		}
	}
	for _, line := range lines {
		put("GET", web+"/pods", nil, []string{line})
	}
	for range 400 {
		queries := []string{}
		for range chance.Intn(4) {
			queries = append(queries, one(pairs))
		}
		more := []string{}
		if chance.Intn(3) == 0 {
			more = append(more, one(lines))
		}
		put(one(methods), one(paths), queries, more)
	}
}
