// Requests to the device. The token comes in the address's fragment, which browsers never send.

export class Failure extends Error {
  constructor(answer, http) {
    super(answer.message);
    this.name = answer.error;
    this.reason = answer.reason; // of what the page's rules turn down, a token
    this.http = http;
    this.retryAfter = answer.retry_after_s || 0;
  }
}

export class Offline extends Error {}

const TOKEN = "sigverify-token";
export let presetUser = null;
readAddress();

// Take what the fragment says, and leave nothing of it in the address. Return the name in it, or null.
export function readAddress() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  if (fragment.has("token")) sessionStorage.setItem(TOKEN, fragment.get("token"));
  if (fragment.has("user_id")) presetUser = fragment.get("user_id");
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  return fragment.get("user_id");
}

export const token = () => sessionStorage.getItem(TOKEN);

const WAIT_MS = 30_000; // a search of a large gallery takes seconds
let session = null; // an operator's; gone with a reload, on purpose

export const operating = () => session !== null;

export async function call(method, path, body, as = session) {
  const headers = { "Sigverify-Request": "1" };
  if (token()) headers.Authorization = `Bearer ${token()}`;
  if (as) headers["Sigverify-Operator"] = as;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const keepalive = method === "DELETE"; // what is given up ends, even if the page is left
  const signal = AbortSignal.timeout(WAIT_MS);
  let answer;
  try {
    const sent = { method, headers, body: body && JSON.stringify(body), cache: "no-store", keepalive, signal };
    answer = await fetch(path, sent);
  } catch {
    throw new Offline();
  }
  const content = await answer.json().catch(() => ({ error: "Failure" }));
  if (!answer.ok) throw new Failure(content, answer.status);
  return content;
}

export async function signIn(code) {
  session = (await call("POST", "/api/operator", { code })).session;
}

// End the session when what was asked in it is done.
export async function signOut(last) {
  const ended = session;
  session = null;
  await last;
  if (ended) await call("DELETE", "/api/operator", undefined, ended);
}
