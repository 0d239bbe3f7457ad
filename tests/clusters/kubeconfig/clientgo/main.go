// Command clientgo prints, as JSON, how client-go reads each kubeconfig of a folder.
//
// Each folder in it is a case: a file KUBECONFIG holds the value of that variable (paths relative to the case), CONTEXT the name of a context or
// nothing. The request that client-go would send is made and caught before it leaves, so nothing is reached; exec plugins are run.
package main

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Answer is one case as client-go has it.
type Answer struct {
	Digest      string      `json:"digest"`          // of the case, as the file DIGEST in it says
	Error       string      `json:"error,omitempty"` // the case can't be used; nothing else is set
	URL         string      `json:"url,omitempty"`   // of GET /version
	Proxy       string      `json:"proxy,omitempty"`
	ServerName  string      `json:"server_name,omitempty"`
	Insecure    bool        `json:"insecure,omitempty"`
	Authorities []string    `json:"authorities,omitempty"` // common names; none: the system's roots
	Certificate []string    `json:"certificate,omitempty"` // common names of the client certificate and of its chain
	Headers     [][2]string `json:"headers,omitempty"`     // those that say who calls, by name in lower case
}

// caught answers a request itself and keeps it.
type caught struct{ request *http.Request }

func (c *caught) RoundTrip(request *http.Request) (*http.Response, error) {
	c.request = request
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(nil)), Request: request}, nil
}

func read(folder string) (*Answer, error) {
	value, err := os.ReadFile(filepath.Join(folder, "KUBECONFIG"))
	if err != nil {
		return nil, err
	}
	context, _ := os.ReadFile(filepath.Join(folder, "CONTEXT"))
	if err := os.Chdir(folder); err != nil {
		return nil, err
	}
	os.Setenv("KUBECONFIG", string(value))
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.Warner = func(error) {}
	overrides := &clientcmd.ConfigOverrides{CurrentContext: string(context)}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
	if err != nil {
		return nil, err
	}
	seen := &caught{}
	config.WrapTransport = func(http.RoundTripper) http.RoundTripper { return seen }
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, err
	}
	plain, err := rest.NewRESTClient(base, "", rest.ClientContentConfig{}, nil, client)
	if err != nil {
		return nil, err
	}
	target := plain.Get().AbsPath("/version").URL()
	request, err := http.NewRequest("GET", target.String(), nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	response.Body.Close()
	answer := &Answer{URL: target.String(), Headers: callers(seen.request.Header)}
	if err := secured(answer, config); err != nil {
		return nil, err
	}
	if config.Proxy != nil {
		proxy, err := config.Proxy(&http.Request{URL: base})
		if err != nil {
			return nil, err
		}
		answer.Proxy = proxy.String()
	}
	for name, values := range seen.request.Header {
		for _, value := range values {
			if !valid(value) {
				return nil, fmt.Errorf("net/http: invalid header field value for %q", name)
			}
		}
	}
	return answer, nil
}

// valid is net/http's own check, which its transport makes and a caught request has not met.
func valid(value string) bool {
	for _, char := range []byte(value) {
		if (char < ' ' && char != '\t') || char == 0x7f {
			return false
		}
	}
	return true
}

// secured notes the TLS of the connection, made as the transport makes it.
func secured(answer *Answer, config *rest.Config) error {
	made, err := rest.TLSConfigFor(config)
	if err != nil || made == nil {
		return err
	}
	answer.ServerName, answer.Insecure = made.ServerName, made.InsecureSkipVerify
	if made.RootCAs != nil {
		data := config.CAData
		if len(data) == 0 {
			if data, err = os.ReadFile(config.CAFile); err != nil {
				return err
			}
		}
		answer.Authorities = authorities(data)
	}
	certificates := made.Certificates
	if made.GetClientCertificate != nil {
		one, err := made.GetClientCertificate(nil)
		if err != nil {
			return err
		}
		certificates = append(certificates, *one)
	}
	for _, one := range certificates {
		for _, der := range one.Certificate {
			parsed, err := x509.ParseCertificate(der)
			if err != nil {
				return err
			}
			answer.Certificate = append(answer.Certificate, parsed.Subject.CommonName)
		}
	}
	return nil
}

// authorities are the common names that x509.CertPool.AppendCertsFromPEM takes, which a pool does not tell.
func authorities(data []byte) []string {
	found := map[string]bool{}
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" || len(block.Headers) != 0 {
			continue
		}
		if parsed, err := x509.ParseCertificate(block.Bytes); err == nil {
			found[parsed.Subject.CommonName] = true
		}
	}
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func callers(header http.Header) [][2]string {
	var found [][2]string
	for name, values := range header {
		low := strings.ToLower(name)
		if low == "authorization" || strings.HasPrefix(low, "impersonate-") {
			for _, value := range values {
				found = append(found, [2]string{low, value})
			}
		}
	}
	sort.Slice(found, func(a, b int) bool { return found[a][0]+"\x00"+found[a][1] < found[b][0]+"\x00"+found[b][1] })
	return found
}

func main() {
	root, err := filepath.Abs(os.Args[1])
	if err != nil {
		panic(err)
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		panic(err)
	}
	before := "{\n"
	for _, entry := range entries {
		folder := filepath.Join(root, entry.Name())
		answer, err := read(folder)
		if err != nil {
			answer = &Answer{Error: strings.ReplaceAll(err.Error(), folder, "CASE")}
		}
		digest, err := os.ReadFile(filepath.Join(folder, "DIGEST"))
		if err != nil {
			panic(err)
		}
		answer.Digest = string(digest)
		line, err := json.Marshal(answer)
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s%q: %s", before, entry.Name(), line)
		before = ",\n"
	}
	fmt.Println("\n}")
}
