// Command writes makes one write with client-go for each line that it reads: writes NAMESPACE. The line names the write; the answer is `ok`, or the error.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v1"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	appsapply "k8s.io/client-go/applyconfigurations/apps/v1"
	coreapply "k8s.io/client-go/applyconfigurations/core/v1"
	metaapply "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/retry"
)

var (
	manager  = meta.ApplyOptions{FieldManager: "writes", Force: true}
	maps     = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	nowhere  = core.PodSpec{NodeSelector: map[string]string{"no": "where"}, Containers: []core.Container{{Name: "a", Image: "x"}}}
	labelled = meta.ListOptions{LabelSelector: "kind=gone"}
)

type writer struct {
	*kubernetes.Clientset
	dynamic   dynamic.Interface
	namespace string
}

func deployment(image string) *apps.Deployment {
	labels, none := map[string]string{"app": "go"}, int32(0)
	containers := []core.Container{
		{Name: "a", Image: image, Env: []core.EnvVar{{Name: "A", Value: "1"}}, Ports: []core.ContainerPort{{ContainerPort: 80}}},
		{Name: "b", Image: "y:1"},
	}
	template := core.PodTemplateSpec{ObjectMeta: meta.ObjectMeta{Labels: labels}, Spec: core.PodSpec{Containers: containers}}
	spec := apps.DeploymentSpec{Replicas: &none, Selector: &meta.LabelSelector{MatchLabels: labels}, Template: template}
	return &apps.Deployment{ObjectMeta: meta.ObjectMeta{Name: "go"}, Spec: spec}
}

func (w writer) patch(ctx context.Context, kind types.PatchType, body string, subresources ...string) error {
	_, err := w.AppsV1().Deployments(w.namespace).Patch(ctx, "go", kind, []byte(body), meta.PatchOptions{}, subresources...)
	return err
}

func (w writer) update(ctx context.Context) error {
	deployments := w.AppsV1().Deployments(w.namespace)
	found, err := deployments.Get(ctx, "go", meta.GetOptions{})
	if err != nil {
		return err
	}
	found.Labels = map[string]string{"updated": "yes"}
	found.Spec.Template.Spec.Containers[0].Env = append(found.Spec.Template.Spec.Containers[0].Env, core.EnvVar{Name: "B", Value: "2"})
	_, err = deployments.Update(ctx, found, meta.UpdateOptions{})
	return err
}

func (w writer) apply(ctx context.Context, image string) error {
	labels := map[string]string{"app": "applied"}
	containers := coreapply.PodSpec().WithContainers(coreapply.Container().WithName("a").WithImage(image))
	template := coreapply.PodTemplateSpec().WithLabels(labels).WithSpec(containers)
	spec := appsapply.DeploymentSpec().WithReplicas(0).WithSelector(metaapply.LabelSelector().WithMatchLabels(labels)).WithTemplate(template)
	made := appsapply.Deployment("applied", w.namespace).WithSpec(spec)
	_, err := w.AppsV1().Deployments(w.namespace).Apply(ctx, made, manager)
	return err
}

func (w writer) scale(ctx context.Context) error {
	deployments := w.AppsV1().Deployments(w.namespace)
	scale, err := deployments.GetScale(ctx, "go", meta.GetOptions{})
	if err != nil {
		return err
	}
	changed := &autoscaling.Scale{ObjectMeta: scale.ObjectMeta, Spec: autoscaling.ScaleSpec{Replicas: 2}}
	_, err = deployments.UpdateScale(ctx, "go", changed, meta.UpdateOptions{})
	return err
}

func (w writer) status(ctx context.Context) error {
	pods := w.CoreV1().Pods(w.namespace)
	found, err := pods.Get(ctx, "go-pod", meta.GetOptions{})
	if err != nil {
		return err
	}
	found.Status.Conditions = append(found.Status.Conditions, core.PodCondition{Type: "Odd", Status: core.ConditionTrue})
	_, err = pods.UpdateStatus(ctx, found, meta.UpdateOptions{})
	return err
}

func (w writer) configMap(ctx context.Context, name string, labels map[string]string) error {
	made := &core.ConfigMap{ObjectMeta: meta.ObjectMeta{Name: name, Labels: labels}, Data: map[string]string{"a": name}, BinaryData: map[string][]byte{"b": {0, 255}}}
	_, err := w.CoreV1().ConfigMaps(w.namespace).Create(ctx, made, meta.CreateOptions{})
	return err
}

func (w writer) unstructured(ctx context.Context) error {
	made := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "go-dynamic"}, "data": map[string]any{"a": "1"},
	}}
	_, err := w.dynamic.Resource(maps).Namespace(w.namespace).Create(ctx, made, meta.CreateOptions{})
	return err
}

func (w writer) pod(ctx context.Context) error {
	_, err := w.CoreV1().Pods(w.namespace).Create(ctx, &core.Pod{ObjectMeta: meta.ObjectMeta{Name: "go-pod"}, Spec: nowhere}, meta.CreateOptions{})
	return err
}

func (w writer) do(ctx context.Context, name string) error {
	deployments, configMaps := w.AppsV1().Deployments(w.namespace), w.CoreV1().ConfigMaps(w.namespace)
	switch name {
	case "create":
		_, err := deployments.Create(ctx, deployment("x:1"), meta.CreateOptions{})
		return err
	case "update":
		return w.update(ctx)
	case "strategic":
		return w.patch(ctx, types.StrategicMergePatchType, `{"spec":{"template":{"spec":{"containers":[{"name":"b","$patch":"delete"},{"name":"c","image":"c:1"}]}}}}`)
	case "merge":
		return w.patch(ctx, types.MergePatchType, `{"metadata":{"labels":{"updated":null,"x":"y"}},"spec":{"paused":true}}`)
	case "json":
		return w.patch(ctx, types.JSONPatchType, `[{"op":"test","path":"/spec/paused","value":true},{"op":"remove","path":"/spec/paused"}]`)
	case "scale":
		return w.scale(ctx)
	case "scale, patched":
		return w.patch(ctx, types.MergePatchType, `{"spec":{"replicas":0}}`, "scale")
	case "apply":
		return w.apply(ctx, "p:1")
	case "apply again":
		return w.apply(ctx, "p:2")
	case "delete":
		background := meta.DeletePropagationBackground
		return deployments.Delete(ctx, "go", meta.DeleteOptions{PropagationPolicy: &background})
	case "pod":
		return w.pod(ctx)
	case "status":
		return w.status(ctx)
	case "evict":
		return w.PolicyV1().Evictions(w.namespace).Evict(ctx, &policy.Eviction{ObjectMeta: meta.ObjectMeta{Name: "go-pod", Namespace: w.namespace}})
	case "dynamic":
		return w.unstructured(ctx)
	case "go-1", "go-2":
		return w.configMap(ctx, name, map[string]string{"kind": "gone"})
	case "deletecollection":
		return configMaps.DeleteCollection(ctx, meta.DeleteOptions{}, labelled)
	}
	return fmt.Errorf("no write is named %q", name)
}

func main() {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	plain := *config
	config.ContentType, config.AcceptContentTypes = "application/vnd.kubernetes.protobuf", "application/vnd.kubernetes.protobuf,application/json"
	w := writer{kubernetes.NewForConfigOrDie(config), dynamic.NewForConfigOrDie(&plain), os.Args[1]}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		said := "ok"
		if err := retry.RetryOnConflict(retry.DefaultBackoff, func() error { return w.do(ctx, lines.Text()) }); err != nil {
			said = strings.ReplaceAll(err.Error(), "\n", " ")
		}
		cancel()
		fmt.Println(said)
	}
}
