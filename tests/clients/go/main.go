// Command table does the table of operations with client-go: table NAMESPACE DIRECT PLUGIN, as tests/clients/table.py says.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sort"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/client-go/util/exec"
)

const (
	notFound = `pods "nobody" not found`
	get      = "GET / HTTP/1.0\r\n\r\n"
	patience = 20 * time.Second
)

var (
	namespace string
	both      = []string{"sh", "-c", "echo out; echo err >&2; exit 5"}
	copies    = []string{"sh", "-c", "cat; exit 3"}
	sized     = []string{"sh", "-c", `until [ "$(stty size 2>&1)" = "37 111" ]; do sleep 0.05; done; echo resized`}
	selected  = meta.ListOptions{LabelSelector: "kind=clients"}
)

type client struct {
	*kubernetes.Clientset
	config *rest.Config
	side   string
}

type operation func(context.Context, client) (any, error)

func connected(file string) (client, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules() // reads KUBECONFIG
	side := "gateway"
	if file != "" {
		rules.ExplicitPath, side = file, "direct"
	}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		return client{}, err
	}
	set, err := kubernetes.NewForConfig(config)
	return client{set, config, side}, err
}

func words(said error) string {
	if strings.Contains(said.Error(), notFound) {
		return notFound
	}
	return said.Error()
}

func names(pods []core.Pod) []string {
	found := []string{}
	for _, pod := range pods {
		found = append(found, pod.Name)
	}
	sort.Strings(found)
	return found
}

func version(_ context.Context, c client) (any, error) {
	info, err := c.Discovery().ServerVersion()
	if err != nil {
		return nil, err
	}
	return info.Minor, nil
}

func list(ctx context.Context, c client) (any, error) {
	pods, err := c.CoreV1().Pods(namespace).List(ctx, selected)
	if err != nil {
		return nil, err
	}
	return names(pods.Items), nil
}

func pages(ctx context.Context, c client) (any, error) {
	found := []core.Pod{}
	options := selected
	options.Limit = 1
	for {
		page, err := c.CoreV1().Pods(namespace).List(ctx, options)
		if err != nil {
			return nil, err
		}
		found = append(found, page.Items...)
		if options.Continue = page.Continue; options.Continue == "" {
			return names(found), nil
		}
	}
}

func failed(err error) (any, error) {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return fmt.Sprintf("%d %s", status.Status().Code, words(err)), nil
	}
	return nil, err
}

func missing(ctx context.Context, c client) (any, error) {
	_, err := c.CoreV1().Pods(namespace).Get(ctx, "nobody", meta.GetOptions{})
	return failed(err)
}

func denied(ctx context.Context, c client) (any, error) {
	found, err := c.CoreV1().ConfigMaps("elsewhere").List(ctx, meta.ListOptions{})
	if err != nil {
		return failed(err)
	}
	return fmt.Sprintf("%d config maps", len(found.Items)), nil
}

func made(ctx context.Context, c client, name string) error {
	_, err := c.CoreV1().ConfigMaps(namespace).Create(ctx, &core.ConfigMap{ObjectMeta: meta.ObjectMeta{Name: name}}, meta.CreateOptions{})
	return err
}

func changed(ctx context.Context, c client, name string) error {
	_, err := c.CoreV1().ConfigMaps(namespace).Patch(ctx, name, types.MergePatchType, []byte(`{"data":{"n":"2"}}`), meta.PatchOptions{})
	return err
}

func gone(ctx context.Context, c client, name string) error {
	return c.CoreV1().ConfigMaps(namespace).Delete(ctx, name, meta.DeleteOptions{})
}

func watch(ctx context.Context, c client) (any, error) {
	const name = "go-watch"
	events, err := c.CoreV1().ConfigMaps(namespace).Watch(ctx, meta.ListOptions{FieldSelector: fields.OneTermEqualSelector("metadata.name", name).String()})
	if err != nil {
		return nil, err
	}
	defer events.Stop()
	if err := errors.Join(made(ctx, c, name), changed(ctx, c, name), gone(ctx, c, name)); err != nil {
		return nil, err
	}
	seen := []string{}
	for event := range events.ResultChan() {
		if seen = append(seen, string(event.Type)); len(seen) == 3 {
			break
		}
	}
	return seen, nil
}

func informer(ctx context.Context, c client) (any, error) {
	const name = "go-informer"
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	one := informers.WithTweakListOptions(func(options *meta.ListOptions) {
		options.FieldSelector = fields.OneTermEqualSelector("metadata.name", name).String()
	})
	factory := informers.NewSharedInformerFactoryWithOptions(c, 0, informers.WithNamespace(namespace), one)
	informer := factory.Core().V1().ConfigMaps().Informer()
	seen := make(chan string, 9)
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { seen <- "ADDED" },
		UpdateFunc: func(_, _ any) { seen <- "MODIFIED" },
		DeleteFunc: func(any) { seen <- "DELETED" },
	})
	if err != nil {
		return nil, err
	}
	factory.Start(ctx.Done())
	cache.WaitForCacheSync(ctx.Done(), informer.HasSynced)
	found := []string{}
	for _, do := range []func(context.Context, client, string) error{made, changed, gone} {
		if err := do(ctx, c, name); err != nil {
			return nil, err
		}
		select {
		case event := <-seen:
			found = append(found, event)
		case <-ctx.Done():
			return found, ctx.Err()
		}
	}
	return found, nil
}

// streamed runs a remote command over WebSocket alone, or over SPDY alone.
func streamed(ctx context.Context, c client, pod, subresource string, params runtime.Object, overSPDY bool, options remotecommand.StreamOptions) (int, error) {
	url := c.CoreV1().RESTClient().Get().Resource("pods").Namespace(namespace).Name(pod).SubResource(subresource).VersionedParams(params, scheme.ParameterCodec).URL()
	var executor remotecommand.Executor
	var err error
	if overSPDY {
		executor, err = remotecommand.NewSPDYExecutor(c.config, http.MethodPost, url)
	} else {
		executor, err = remotecommand.NewWebSocketExecutor(c.config, http.MethodGet, url.String())
	}
	if err != nil {
		return 0, err
	}
	err = executor.StreamWithContext(ctx, options)
	var exit exec.CodeExitError
	if errors.As(err, &exit) {
		return exit.Code, nil
	}
	return 0, err
}

func executed(overSPDY bool) operation {
	return func(ctx context.Context, c client) (any, error) {
		var out, err bytes.Buffer
		params := &core.PodExecOptions{Command: both, Stdout: true, Stderr: true}
		code, failure := streamed(ctx, c, "told", "exec", params, overSPDY, remotecommand.StreamOptions{Stdout: &out, Stderr: &err})
		return []any{out.String(), err.String(), code}, failure
	}
}

func fed(overSPDY bool) operation {
	return func(ctx context.Context, c client) (any, error) {
		var out bytes.Buffer
		params := &core.PodExecOptions{Command: copies, Stdin: true, Stdout: true}
		code, err := streamed(ctx, c, "told", "exec", params, overSPDY, remotecommand.StreamOptions{Stdin: strings.NewReader("grüße\nend\n"), Stdout: &out})
		return []any{out.String(), code}, err
	}
}

type sizes chan remotecommand.TerminalSize

func (s sizes) Next() *remotecommand.TerminalSize {
	size, ok := <-s
	if !ok {
		return nil
	}
	return &size
}

func resized(overSPDY bool) operation {
	return func(ctx context.Context, c client) (any, error) {
		var out bytes.Buffer
		reader, writer := io.Pipe()
		defer writer.Close()
		terminal := make(sizes, 1)
		terminal <- remotecommand.TerminalSize{Width: 111, Height: 37}
		close(terminal)
		params := &core.PodExecOptions{Command: sized, Stdin: true, Stdout: true, TTY: true}
		options := remotecommand.StreamOptions{Stdin: reader, Stdout: &out, Tty: true, TerminalSizeQueue: terminal}
		_, err := streamed(ctx, c, "told", "exec", params, overSPDY, options)
		return strings.TrimSpace(out.String()), err
	}
}

func refused(ctx context.Context, c client) (any, error) {
	_, err := streamed(ctx, c, "nobody", "exec", &core.PodExecOptions{Command: both, Stdout: true}, true, remotecommand.StreamOptions{Stdout: io.Discard})
	if err == nil {
		return "open", nil
	}
	return words(err), nil
}

func attached(ctx context.Context, c client) (any, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	said := "go " + c.side + "\n"
	in, typed := io.Pipe()
	seen, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		params := &core.PodAttachOptions{Stdin: true, Stdout: true}
		_, err := streamed(ctx, c, "echo", "attach", params, false, remotecommand.StreamOptions{Stdin: in, Stdout: out})
		out.CloseWithError(errors.Join(err, io.EOF))
		ended <- err
	}()
	go func() { _, _ = io.WriteString(typed, said) }()
	lines := bufio.NewReader(seen)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if line == said {
			return "echoed", nil
		}
	}
}

func forwarded(tunnel bool) operation {
	return func(ctx context.Context, c client) (any, error) {
		request := c.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name("web").SubResource("portforward")
		var dialer httpstream.Dialer
		transport, upgrader, err := spdy.RoundTripperFor(c.config)
		if err != nil {
			return nil, err
		}
		dialer = spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, request.URL())
		if tunnel {
			if dialer, err = portforward.NewSPDYOverWebsocketDialer(request.URL(), c.config); err != nil {
				return nil, err
			}
		}
		stop, ready := make(chan struct{}), make(chan struct{})
		defer close(stop)
		forwarder, err := portforward.New(dialer, []string{"0:8080"}, stop, ready, io.Discard, io.Discard)
		if err != nil {
			return nil, err
		}
		over := make(chan error, 1)
		go func() { over <- forwarder.ForwardPorts() }()
		select {
		case err := <-over:
			return nil, err
		case <-ready:
		}
		ports, err := forwarder.GetPorts()
		if err != nil {
			return nil, err
		}
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", ports[0].Local))
		if err != nil {
			return nil, err
		}
		defer connection.Close()
		if _, err := io.WriteString(connection, get); err != nil {
			return nil, err
		}
		answer, err := io.ReadAll(connection)
		return string(answer[bytes.LastIndex(answer, []byte("\r\n"))+2:]), err
	}
}

func logged(ctx context.Context, c client) (any, error) {
	text, err := c.CoreV1().Pods(namespace).GetLogs("told", &core.PodLogOptions{}).DoRaw(ctx)
	return string(text), err
}

func followed(ctx context.Context, c client) (any, error) {
	stream, err := c.CoreV1().Pods(namespace).GetLogs("counter", &core.PodLogOptions{Follow: true}).Stream(ctx)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	lines, scanner := []string{}, bufio.NewScanner(stream)
	for len(lines) < 5 && scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	return lines, scanner.Err()
}

func one(do operation, file string) any {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	c, err := connected(file)
	if err == nil {
		var result any
		if result, err = do(ctx, c); err == nil {
			return result
		}
	}
	return map[string]string{"error": err.Error()}
}

func all(file string) map[string]any {
	results := map[string]any{}
	for name, do := range map[string]operation{
		"version": version, "list": list, "pages": pages, "missing": missing, "denied": denied, "watch": watch, "informer": informer,
		"exec": executed(false), "exec, SPDY": executed(true), "stdin": fed(false), "stdin, SPDY": fed(true), "resize": resized(false),
		"resize, SPDY": resized(true), "refused": refused, "attach": attached, "forward": forwarded(true), "forward, SPDY": forwarded(false),
		"log": logged, "follow": followed,
	} {
		results[name] = one(do, file)
	}
	return results
}

func main() {
	namespace = os.Args[1]
	found := map[string]any{"direct": all(os.Args[2]), "gateway": all(""), "plugin": one(list, os.Args[3])}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		panic(err)
	}
}
