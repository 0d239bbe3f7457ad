// fabric8: java -cp 'lib/*' Table.java NAMESPACE DIRECT PLUGIN, as tests/clients/table.py says. Its watches and followed logs go over WebSocket or HTTP as it likes.
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.ListOptionsBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodList;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.Watcher;
import io.fabric8.kubernetes.client.WatcherException;
import io.fabric8.kubernetes.client.dsl.ExecWatch;
import io.fabric8.kubernetes.client.dsl.PodResource;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

public class Table {
    static final int SECONDS = 20;
    static final String NOT_FOUND = "pods \"nobody\" not found";
    static final String[] BOTH = {"sh", "-c", "echo out; echo err >&2; exit 5"};
    static final String[] ENDS = {"sh", "-c", "head -n 2; exit 3"};
    static final String[] SIZED = {"sh", "-c", "until [ \"$(stty size 2>&1)\" = \"37 111\" ]; do sleep 0.05; done; echo resized"};
    static final String GET = "GET / HTTP/1.0\r\n\r\n";

    interface Operation { Object run(KubernetesClient client) throws Exception; }

    static String namespace;
    static String side;
    static final ExecutorService pool = Executors.newCachedThreadPool(task -> { Thread thread = new Thread(task); thread.setDaemon(true); return thread; });

    static Config config(String file) {
        Config config = file == null ? Config.autoConfigure(null) : Config.fromKubeconfig(new File(file));
        config.setClientKeyAlgo("EC");  // of the cluster's own kubeconfig; it does not look
        return config;
    }

    static PodResource pod(KubernetesClient client, String name) { return client.pods().inNamespace(namespace).withName(name); }

    static String words(String said) { return said.replace("\\\"", "\"").contains(NOT_FOUND) ? NOT_FOUND : said; }

    static List<String> names(List<Pod> pods) { return pods.stream().map(pod -> pod.getMetadata().getName()).sorted().toList(); }

    static Object list(KubernetesClient client) { return names(client.pods().inNamespace(namespace).withLabel("kind", "clients").list().getItems()); }

    static Object pages(KubernetesClient client) {
        List<String> found = new ArrayList<>();
        String more = null;
        do {
            PodList page = client.pods().inNamespace(namespace).list(new ListOptionsBuilder().withLabelSelector("kind=clients").withLimit(1L).withContinue(more).build());
            found.addAll(names(page.getItems()));
            more = page.getMetadata().getContinue();
        } while (more != null && !more.isEmpty());
        Collections.sort(found);
        return found;
    }

    static Object missing(KubernetesClient client) {
        try {
            return String.valueOf(pod(client, "nobody").get());  // it hides a 404
        } catch (KubernetesClientException error) {
            return error.getCode() + " " + words(error.getMessage());
        }
    }

    static Object denied(KubernetesClient client) {
        try {
            return client.configMaps().inNamespace("elsewhere").list().getItems().size() + " config maps";
        } catch (KubernetesClientException error) {
            return error.getCode() + " " + error.getMessage();
        }
    }

    static ConfigMap made(KubernetesClient client, String name) {
        return client.configMaps().inNamespace(namespace).resource(
            new ConfigMapBuilder().withNewMetadata().withName(name).endMetadata().addToData("n", "1").build()).create();
    }

    static void changed(KubernetesClient client, String name) {
        client.configMaps().inNamespace(namespace).withName(name).edit(found -> new ConfigMapBuilder(found).addToData("n", "2").build());
    }

    static Object watch(KubernetesClient client) throws Exception {
        List<String> seen = Collections.synchronizedList(new ArrayList<>());
        CountDownLatch over = new CountDownLatch(3);
        var watching = client.configMaps().inNamespace(namespace).withName("java-watch").watch(new Watcher<ConfigMap>() {
            @Override public void eventReceived(Action action, ConfigMap one) { seen.add(action.name()); over.countDown(); }
            @Override public void onClose(WatcherException error) { if (error != null) seen.add(error.toString()); }
        });
        try (watching) {
            made(client, "java-watch");
            changed(client, "java-watch");
            client.configMaps().inNamespace(namespace).withName("java-watch").delete();
            over.await(SECONDS - 5, TimeUnit.SECONDS);
        }
        return seen;
    }

    static Object informer(KubernetesClient client) throws Exception {
        List<String> seen = Collections.synchronizedList(new ArrayList<>());
        CountDownLatch there = new CountDownLatch(1), changed = new CountDownLatch(1), gone = new CountDownLatch(1);
        var informer = client.configMaps().inNamespace(namespace).withName("java-informer").inform(new ResourceEventHandler<>() {
            @Override public void onAdd(ConfigMap one) { seen.add("ADDED"); there.countDown(); }
            @Override public void onUpdate(ConfigMap old, ConfigMap one) { seen.add("MODIFIED"); changed.countDown(); }
            @Override public void onDelete(ConfigMap one, boolean unknown) { seen.add("DELETED"); gone.countDown(); }
        });
        try (informer) {
            made(client, "java-informer");
            there.await(SECONDS / 4, TimeUnit.SECONDS);
            changed(client, "java-informer");
            changed.await(SECONDS / 4, TimeUnit.SECONDS);
            client.configMaps().inNamespace(namespace).withName("java-informer").delete();
            gone.await(SECONDS / 4, TimeUnit.SECONDS);
        }
        return seen;
    }

    static Object exec(KubernetesClient client) throws Exception {
        var out = new ByteArrayOutputStream();
        var err = new ByteArrayOutputStream();
        try (ExecWatch process = pod(client, "told").writingOutput(out).writingError(err).exec(BOTH)) {
            int code = process.exitCode().get(SECONDS, TimeUnit.SECONDS);
            return List.of(out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8), code);
        }
    }

    static Object stdin(KubernetesClient client) throws Exception {
        var out = new ByteArrayOutputStream();
        try (ExecWatch process = pod(client, "told").redirectingInput().writingOutput(out).exec(ENDS)) {
            OutputStream in = process.getInput();
            in.write("grüße\n".getBytes(StandardCharsets.UTF_8));
            in.flush();
            in.write("end\n".getBytes(StandardCharsets.UTF_8));
            in.flush();
            int code = process.exitCode().get(SECONDS, TimeUnit.SECONDS);
            return List.of(out.toString(StandardCharsets.UTF_8), code);
        }
    }

    static Object resize(KubernetesClient client) throws Exception {
        var out = new ByteArrayOutputStream();
        try (ExecWatch process = pod(client, "told").redirectingInput().writingOutput(out).withTTY().exec(SIZED)) {
            process.resize(111, 37);
            process.exitCode().get(SECONDS, TimeUnit.SECONDS);
            return out.toString(StandardCharsets.UTF_8).trim();
        }
    }

    static Object refused(KubernetesClient client) throws Exception {
        try (ExecWatch process = pod(client, "nobody").writingOutput(new ByteArrayOutputStream()).exec(BOTH)) {
            return "open, then " + process.exitCode().get(SECONDS, TimeUnit.SECONDS);
        } catch (Exception error) {
            StringWriter text = new StringWriter();
            error.printStackTrace(new PrintWriter(text));
            return words(text.toString());
        }
    }

    static Object attach(KubernetesClient client) throws Exception {
        String said = "java " + side;
        try (ExecWatch process = pod(client, "echo").redirectingInput().redirectingOutput().attach()) {
            process.getInput().write((said + "\n").getBytes(StandardCharsets.UTF_8));
            process.getInput().flush();
            var lines = new BufferedReader(new InputStreamReader(process.getOutput(), StandardCharsets.UTF_8));
            String line;
            while ((line = lines.readLine()) != null && !line.equals(said)) { }
            return line == null ? "not echoed" : "echoed";
        }
    }

    static Object forward(KubernetesClient client) throws Exception {
        try (var forward = pod(client, "web").portForward(8080); Socket socket = new Socket(forward.getLocalAddress(), forward.getLocalPort())) {
            socket.getOutputStream().write(GET.getBytes(StandardCharsets.UTF_8));
            socket.getOutputStream().flush();
            String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return answer.substring(answer.lastIndexOf("\r\n") + 2);
        }
    }

    static Object follow(KubernetesClient client) throws Exception {
        List<String> lines = new ArrayList<>();
        try (var log = pod(client, "counter").watchLog()) {
            var reader = new BufferedReader(new InputStreamReader(log.getOutput(), StandardCharsets.UTF_8));
            while (lines.size() < 5) lines.add(reader.readLine());
        }
        return lines;
    }

    static Object one(Operation operation, String file) {
        try (KubernetesClient client = new KubernetesClientBuilder().withConfig(config(file)).build()) {
            return pool.submit(() -> operation.run(client)).get(SECONDS, TimeUnit.SECONDS);
        } catch (Exception error) {
            Throwable cause = error;
            while (cause.getCause() != null) cause = cause.getCause();
            return Map.of("error", error + "; " + cause);
        }
    }

    static Map<String, Object> all(Map<String, Operation> operations, String file) {
        side = file == null ? "gateway" : "direct";
        Map<String, Object> results = new LinkedHashMap<>();
        operations.forEach((name, operation) -> results.put(name, one(operation, file)));
        return results;
    }

    public static void main(String[] args) throws Exception {
        namespace = args[0];
        Map<String, Operation> operations = new LinkedHashMap<>();
        operations.put("version", client -> client.getKubernetesVersion().getMinor());
        operations.put("list", Table::list);
        operations.put("pages", Table::pages);
        operations.put("missing", Table::missing);
        operations.put("denied", Table::denied);
        operations.put("watch", Table::watch);
        operations.put("informer", Table::informer);
        operations.put("exec", Table::exec);
        operations.put("stdin", Table::stdin);
        operations.put("resize", Table::resize);
        operations.put("refused", Table::refused);
        operations.put("attach", Table::attach);
        operations.put("forward", Table::forward);
        operations.put("log", client -> pod(client, "told").getLog());
        operations.put("follow", Table::follow);
        Map<String, Object> found = new LinkedHashMap<>();
        found.put("direct", all(operations, args[1]));
        found.put("gateway", all(operations, null));
        found.put("plugin", one(Table::list, args[2]));
        System.out.println(Serialization.asJson(found));
        System.exit(0);
    }
}
