// @kubernetes/client-node: node main.mjs NAMESPACE DIRECT PLUGIN, as tests/clients/table.py says.
import { Readable, Writable, PassThrough } from 'node:stream';
import * as k8s from '@kubernetes/client-node';

const SECONDS = 20;
const NOT_FOUND = 'pods "nobody" not found';
const BOTH = ['sh', '-c', 'echo out; echo err >&2; exit 5'];
const COPIES = ['sh', '-c', 'cat; exit 3'];
const SIZED = ['sh', '-c', 'until [ "$(stty size 2>&1)" = "37 111" ]; do sleep 0.05; done; echo resized'];
const [namespace, direct, plugin] = process.argv.slice(2);

class Kept extends Writable {
  text = '';
  waiting = [];
  _write(chunk, _encoding, done) {
    this.text += chunk.toString('utf8');
    this.waiting = this.waiting.filter(([found, resolve]) => !(found(this.text) && (resolve(this.text), true)));
    done();
  }
  until(found) {
    return found(this.text) ? Promise.resolve(this.text) : new Promise((resolve) => this.waiting.push([found, resolve]));
  }
}

class Screen extends Kept {
  rows = 37;
  columns = 111;
}

function configured(file) {
  const config = new k8s.KubeConfig();
  if (file) config.loadFromFile(file);
  else config.loadFromDefault();
  return config;
}

const core = (file) => configured(file).makeApiClient(k8s.CoreV1Api);
const names = (list) => list.items.map((pod) => pod.metadata.name).sort();
const words = (said) => (String(said).replaceAll('\\"', '"').includes(NOT_FOUND) ? NOT_FOUND : String(said));

async function pages(file) {
  const found = [];
  let more;
  do {
    const page = await core(file).listNamespacedPod({ namespace, labelSelector: 'kind=clients', limit: 1, _continue: more });
    found.push(...names(page));
    more = page.metadata._continue;
  } while (more);
  return found.sort();
}

async function failing(call) {
  try {
    return `${(await call()).items.length} config maps`;
  } catch (error) {
    return `${error.code} ${words(error.body)}`;
  }
}

const patched = (api, name) => api.patchNamespacedConfigMap(
  { name, namespace, body: { data: { n: '2' } } }, k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.MergePatch));

async function watched(file) {
  const api = core(file), name = 'javascript-watch';
  const since = (await api.listNamespacedConfigMap({ namespace })).metadata.resourceVersion;
  await api.createNamespacedConfigMap({ namespace, body: { metadata: { name } } });
  await patched(api, name);
  await api.deleteNamespacedConfigMap({ name, namespace });
  const seen = [];
  await new Promise((resolve, reject) => {
    const query = { fieldSelector: `metadata.name=${name}`, resourceVersion: since };
    const watching = new k8s.Watch(configured(file)).watch(`/api/v1/namespaces/${namespace}/configmaps`, query, async (kind) => {
      seen.push(kind);
      if (seen.length === 3) {
        resolve();
        (await watching).abort();
      }
    }, reject);
  });
  return seen;
}

async function informed(file) {
  const config = configured(file), api = core(file), name = 'javascript-informer', labelSelector = 'made=javascript';
  const seen = [];
  const informer = k8s.makeInformer(
    config, `/api/v1/namespaces/${namespace}/configmaps`, () => api.listNamespacedConfigMap({ namespace, labelSelector }), labelSelector);
  const over = new Promise((resolve, reject) => {
    informer.on('add', () => seen.push('ADDED') && patched(api, name).catch(reject));
    informer.on('update', () => seen.push('MODIFIED') && api.deleteNamespacedConfigMap({ name, namespace }).catch(reject));
    informer.on('delete', () => resolve(seen.push('DELETED')));
    informer.on('error', reject);
  });
  await informer.start();
  await api.createNamespacedConfigMap({ namespace, body: { metadata: { name, labels: { made: 'javascript' } } } });
  await over;
  await informer.stop();
  return seen;
}

async function executed(file, pod, command, stdin, tty, out = new Kept()) {
  const err = new Kept();
  const status = await new Promise((resolve, reject) => {
    new k8s.Exec(configured(file)).exec(namespace, pod, 'main', command, out, err, stdin, tty, resolve).catch(reject);
  });
  const cause = status.details?.causes?.find((one) => one.reason === 'ExitCode');
  return [out.text, err.text, status.status === 'Success' ? 0 : Number(cause?.message ?? -1)];
}

async function fed(file) {
  const [out, , code] = await executed(file, 'told', COPIES, Readable.from([Buffer.from('grüße\n'), Buffer.from('end\n')]), false);
  return [out, code];
}

async function resized(file) {
  const [out] = await executed(file, 'told', SIZED, new PassThrough(), true, new Screen());
  return out.trim();
}

async function refused(file) {
  // The library below shows the status of an answer to an upgrade, and no more of it.
  return new Promise((resolve) => {
    new k8s.Exec(configured(file)).exec(namespace, 'nobody', 'main', BOTH, new Kept(), new Kept(), null, false).then(() => resolve('open'), (error) => resolve(/\d{3}/.exec(error.message)?.[0] ?? error.message));
  });
}

async function attached(file) {
  const said = `javascript ${!file}\n`, out = new Kept(), stdin = new PassThrough();
  const socket = await new k8s.Attach(configured(file)).attach(namespace, 'echo', 'main', out, new Kept(), stdin, false);
  stdin.write(said);
  await out.until((text) => text.includes(said));
  socket.close();
  return 'echoed';
}

async function forwarded(file) {
  const out = new Kept(), stdin = new PassThrough();
  const socket = await new k8s.PortForward(configured(file)).portForward(namespace, 'web', [8080], out, new Kept(), stdin);
  stdin.write('GET / HTTP/1.0\r\n\r\n');
  const text = await out.until((got) => got.endsWith('pod\n'));
  socket.close();
  return text.split('\r\n').at(-1);
}

async function followed(file) {
  const out = new Kept();
  const stopped = await new k8s.Log(configured(file)).log(namespace, 'counter', 'main', out, { follow: true });
  const text = await out.until((got) => got.split('\n').length > 5);
  stopped.abort();
  return text.split('\n').slice(0, 5);
}

const listed = async (file) => names(await core(file).listNamespacedPod({ namespace, labelSelector: 'kind=clients' }));
const OPERATIONS = {
  version: async (file) => (await configured(file).makeApiClient(k8s.VersionApi).getCode()).minor,
  list: listed,
  pages,
  missing: (file) => failing(() => core(file).readNamespacedPod({ name: 'nobody', namespace })),
  denied: (file) => failing(() => core(file).listNamespacedConfigMap({ namespace: 'elsewhere' })),
  watch: watched,
  informer: informed,
  exec: (file) => executed(file, 'told', BOTH, null, false),
  stdin: fed,
  resize: resized,
  refused,
  attach: attached,
  forward: forwarded,
  log: (file) => core(file).readNamespacedPodLog({ name: 'told', namespace }),
  follow: followed,
};

async function one(operation, file) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`no result after ${SECONDS} s`)), SECONDS * 1000); });
  try {
    return await Promise.race([operation(file), late]);
  } catch (error) {
    return { error: String(error.message ?? error), where: String(error.stack) };
  } finally {
    clearTimeout(timer);
  }
}

async function all(file) {
  const results = {};
  for (const [name, operation] of Object.entries(OPERATIONS)) results[name] = await one(operation, file);
  return results;
}

console.log(JSON.stringify({ direct: await all(direct), gateway: await all(undefined), plugin: await one(listed, plugin) }));
process.exit(0);
