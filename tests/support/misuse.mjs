// What the Node client says of arguments of another type, and what it sends of sound ones; prints both as JSON. Argument:
// the client. No kiosk is asked: `fetch` notes what would be sent.
import { runInNewContext } from "node:vm";

const { Kiosk } = await import(process.argv[2]);
const asked = [];
globalThis.fetch = async (url, { method, body }) => {
  asked.push([method, url.pathname + url.search, body ? JSON.parse(body) : null]);
  return new Response('{"enrollment": "1", "remaining": 0}');
};

const kiosk = new Kiosk("http://127.0.0.1:1");
const strokes = [];
const said = async (ask) => {
  asked.length = 0;
  let error = null;
  try {
    await ask();
  } catch (thrown) {
    error = `${thrown.name}: ${thrown.message}`;
  }
  return { error, asked: [...asked] };
};

const wrong = {
  "image in base64": () => kiosk.verify("alice", { image: "iVBORw0KGgo=" }),
  "image of numbers": () => kiosk.verify("alice", { image: [137, 80] }),
  "image a number": () => kiosk.verify("alice", { image: 7 }),
  "image null": () => kiosk.verify("alice", { strokes, image: null }),
  "image of wider numbers": () => kiosk.verify("alice", { image: new Uint16Array([137, 80]) }),
  "image a view": () => kiosk.verify("alice", { image: new DataView(new ArrayBuffer(4)) }),
  "strokes as JSON": () => kiosk.identify({ strokes: "[]" }),
  "strokes the pad": () => kiosk.identify({ strokes: { toData: () => [] } }),
  "strokes null": () => kiosk.identify({ strokes: null }),
  "capture empty": () => kiosk.verify("alice", {}),
  "capture missing": () => kiosk.verify("alice"),
  "capture null": () => kiosk.identify(null),
  "capture the strokes": () => kiosk.identify([]),
  "userId a number": () => kiosk.verify(7, { strokes }),
  "userId missing": () => kiosk.forget(),
  "userId null": () => kiosk.forget(null),
  "userId an object": () => kiosk.unlock({ user_id: "alice" }),
  "userId of nobody": () => kiosk.enroll(undefined, () => ({ strokes })),
  "code a number": () => kiosk.signIn(12345678),
  "references one": () => kiosk.similarity({ strokes }, { strokes }),
  "references of which one is empty": () => kiosk.similarity({ strokes }, [{ strokes }, {}]),
  "next a capture": () => kiosk.enroll("alice", { strokes }),
  "replace as text": () => kiosk.enroll("alice", () => ({ strokes }), { replace: "false" }),
  "timeoutMs as text": () => new Kiosk("http://127.0.0.1:1", { timeoutMs: "30000" }),
  "timeoutMs none": () => new Kiosk("http://127.0.0.1:1", { timeoutMs: Infinity }),
  "timeoutMs not at all": () => new Kiosk("http://127.0.0.1:1", { timeoutMs: 0 }),
  "token a number": () => new Kiosk("http://127.0.0.1:1", { token: 1234 }),
};

const bytes = new TextEncoder().encode("-sigverify-").subarray(1, 10); // part of a longer buffer
const right = {
  array: () => kiosk.verify("alice", { image: bytes }),
  buffer: () => kiosk.verify("alice", { image: Buffer.from(bytes) }),
  whole: () => kiosk.verify("alice", { image: bytes.slice().buffer }),
  elsewhere: () => kiosk.verify("alice", { image: runInNewContext("new Uint8Array(given)", { given: [...bytes] }) }),
  blob: () => kiosk.verify("alice", { image: new Blob([bytes]) }),
  both: () => kiosk.verify("alice", { strokes, image: bytes }),
  device: () => kiosk.unlock(),
  person: () => kiosk.forget("alice"),
};

const all = async (cases) => {
  const found = {};
  for (const [name, ask] of Object.entries(cases)) found[name] = await said(ask);
  return found;
};
console.log(JSON.stringify({ wrong: await all(wrong), right: await all(right) }));
