// Asks a kiosk over its REST interface (docs/kiosk.md), from Node.js 18 or newer or from a browser.
//
//   import { Kiosk } from "./sigverify.js";
//   const kiosk = new Kiosk("http://127.0.0.1:8080", { token: process.env.SIGVERIFY_KIOSK_TOKEN });
//   const decision = await kiosk.verify("alice", { strokes: pad.toData() });
//   if (decision.accepted) open();
//
// A capture is { strokes }, what signature_pad gives, or { image }, the bytes of a picture's file, or both of one act of
// signing. A rejection is an answer; what could not be decided is thrown. A TypeError says what was given in place of what is
// asked for, before anything is sent.

/** What can be asked: method and path, as GET /openapi.json has them. */
export const OPERATIONS = {
  health: ["GET", "/api/health"],
  info: ["GET", "/api/info"],
  sign_in: ["POST", "/api/operator"],
  sign_out: ["DELETE", "/api/operator"],
  verify: ["POST", "/api/verify"],
  identify: ["POST", "/api/identify"],
  similarity: ["POST", "/api/similarity"],
  begin_enrollment: ["POST", "/api/enrollments"],
  add_signature: ["POST", "/api/enrollments/{enrollment}/signatures"],
  commit_enrollment: ["POST", "/api/enrollments/{enrollment}/commit"],
  cancel_enrollment: ["DELETE", "/api/enrollments/{enrollment}"],
  users: ["GET", "/api/users"],
  forget: ["DELETE", "/api/users"],
  unlock: ["POST", "/api/unlock"],
};

/** The kiosk refused, and said why. */
export class Refused extends Error {
  constructor(answer, http) {
    super(answer.message ?? `the kiosk answered ${http}`);
    this.name = answer.error ?? "Refused";
    /** The SDK's number, see sigverify/errors.py; 1 of what the page itself refuses. */
    this.status = answer.status ?? 1;
    this.reason = answer.reason ?? null;
    this.capability = answer.capability ?? null;
    this.retryAfterS = answer.retry_after_s ?? 0;
    this.http = http;
  }
}

/** There was no answer, or none of a kiosk's. Whether something was done is not known. */
export class Unreachable extends Error {
  constructor(message, cause) {
    super(message, { cause });
    this.name = "Unreachable";
  }
}

export class Kiosk {
  #url;
  #token;
  #session = null;
  #timeoutMs;

  /** `timeoutMs` is how long one answer may take: a search of a large gallery takes seconds. */
  constructor(url, { token = null, timeoutMs = 30_000 } = {}) {
    if (token !== null) expect(typeof token === "string", "token", "text", token);
    // Of any other no timer can be set, which health() would take for a kiosk that is not there.
    const isTime = Number.isInteger(timeoutMs) && timeoutMs > 0 && timeoutMs < 2 ** 31;
    expect(isTime, "timeoutMs", "a whole number of milliseconds, from 1 to 2147483647", timeoutMs);
    this.#url = new URL(url);
    this.#token = token;
    this.#timeoutMs = timeoutMs;
  }

  /** Whether the kiosk and its store are there; never throws. */
  async health() {
    try {
      return (await this.#ask("health")).healthy === true;
    } catch {
      return false;
    }
  }

  info() {
    return this.#ask("info");
  }

  /** Ask as an operator from now on, until `signOut`, or ten minutes without a question. */
  async signIn(code) {
    expect(typeof code === "string", "code", "text, as a number loses the zeros in front", code);
    this.#session = (await this.#ask("sign_in", { body: { code } })).session;
  }

  async signOut() {
    if (this.#session === null) return;
    try {
      await this.#ask("sign_out");
    } finally {
      this.#session = null;
    }
  }

  async verify(userId, capture) {
    return this.#ask("verify", { body: { user_id: named(userId), ...(await sent(capture)) } });
  }

  /** Whose it may be, the most alike first. */
  async identify(capture) {
    return (await this.#ask("identify", { body: await sent(capture) })).matches;
  }

  /** How alike captures are of whom nobody need be enrolled. */
  async similarity(probe, references) {
    expect(Array.isArray(references), "references", "an array of captures", references);
    const body = { probe: await sent(probe), references: await Promise.all(references.map(sent)) };
    return this.#ask("similarity", { body });
  }

  /**
   * Enroll somebody. `next(remaining, refused)` is awaited for each capture that is needed; `refused` is why the one before
   * was not taken, or null. Whatever goes wrong, nobody is enrolled by half.
   */
  async enroll(userId, next, { replace = false, modality = "pen" } = {}) {
    expect(typeof next === "function", "next", "a function that gives a capture", next);
    expect(typeof replace === "boolean", "replace", "true or false", replace);
    const begun = await this.#ask("begin_enrollment", { body: { user_id: named(userId), replace, modality } });
    const within = { path: { enrollment: begun.enrollment } };
    try {
      let { remaining } = begun;
      for (let refused = null; remaining > 0; ) {
        const body = await sent(await next(remaining, refused));
        const added = await this.#ask("add_signature", { ...within, body });
        remaining = added.remaining;
        refused = added.accepted ? null : added;
      }
      return await this.#ask("commit_enrollment", within);
    } catch (error) {
      await this.#ask("cancel_enrollment", within).catch(() => {}); // it is forgotten after ten minutes anyway
      throw error;
    }
  }

  async users() {
    return (await this.#ask("users")).user_ids;
  }

  async forget(userId) {
    return this.#ask("forget", { query: { user_id: named(userId) } });
  }

  /** Without a name the device is unlocked. */
  async unlock(userId = null) {
    return this.#ask("unlock", { body: userId === null ? {} : { user_id: named(userId) } });
  }

  async #ask(name, { body, path = {}, query = {} } = {}) {
    const [method, pattern] = OPERATIONS[name];
    const url = new URL(pattern.replace(/{(\w+)}/g, (_, key) => encodeURIComponent(path[key])), this.#url);
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
    const headers = { "Sigverify-Request": "1" };
    if (this.#token !== null) headers.Authorization = `Bearer ${this.#token}`;
    if (this.#session !== null) headers["Sigverify-Operator"] = this.#session;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const signal = AbortSignal.timeout(this.#timeoutMs);
    let answer, content;
    try {
      answer = await fetch(url, { method, headers, body: body && JSON.stringify(body), signal, redirect: "error" });
      content = await answer.text();
    } catch (error) {
      throw new Unreachable(`no answer from ${this.#url.origin}`, error);
    }
    let parsed = null;
    try {
      parsed = JSON.parse(content);
    } catch (error) {
      if (answer.ok) throw new Unreachable(`${this.#url.origin} is no kiosk`, error);
    }
    if (!answer.ok) throw new Refused(parsed ?? {}, answer.status);
    return parsed;
  }
}

// Misuse is told from what a kiosk refuses: JSON and base64 would make something else of it, or nothing, without a word.
function expect(holds, name, expected, received) {
  if (!holds) throw new TypeError(`${name}: expected ${expected}; received ${kindOf(received)}`);
}

// What somebody gave, never its content: that may be a signature. Of another window's objects `instanceof` knows nothing.
function kindOf(value) {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

function named(userId) {
  expect(typeof userId === "string", "userId", "text", userId);
  return userId;
}

// A capture as it is sent: pictures in base64.
async function sent(capture) {
  const { strokes, image } = capture ?? {};
  expect(strokes !== undefined || image !== undefined, "capture", "{ strokes }, { image } or both", capture);
  const body = {};
  if (strokes !== undefined) {
    expect(Array.isArray(strokes), "strokes", "an array, as toData() of signature_pad gives it", strokes);
    body.strokes = strokes;
  }
  if (image !== undefined) body.image = base64(await bytesOf(image));
  return body;
}

async function bytesOf(image) {
  const bytes = image instanceof Blob ? await image.arrayBuffer() : image;
  const isBytes = ["Uint8Array", "ArrayBuffer"].includes(kindOf(bytes));
  expect(isBytes, "image", "the bytes of a picture's file: a Uint8Array, ArrayBuffer or Blob, not base64", image);
  return new Uint8Array(bytes);
}

function base64(bytes) {
  const pieces = [];
  for (let at = 0; at < bytes.length; at += 0x8000) pieces.push(String.fromCharCode(...bytes.subarray(at, at + 0x8000)));
  return btoa(pieces.join(""));
}
