// What the test of the Node client asks of a kiosk; prints what came of it as JSON. Arguments: the client, the address, the
// code, and a file with signatures of one person and of another.
import { readFileSync } from "node:fs";

const [client, url, code, file] = process.argv.slice(2);
const { Kiosk, Refused, Unreachable } = await import(client);
const { own, other, picture } = JSON.parse(readFileSync(file, "utf8"));
const failure = async (asked) => {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Refused) {
      return { name: error.name, status: error.status, reason: error.reason, http: error.http, wait: error.retryAfterS };
    }
    return { name: error.name, unreachable: error instanceof Unreachable };
  }
};

const kiosk = new Kiosk(url, { timeoutMs: 20_000 });
const found = {};
found.health = await kiosk.health();
found.visitor = (await kiosk.info()).operator;
found.forbidden = await failure(kiosk.users());
found.wrongCode = await failure(kiosk.signIn("00000000"));
await kiosk.signIn(code);
found.operator = (await kiosk.info()).operator;

const offered = [own[0], own[0], ...own.slice(1)]; // the first twice: a copy, which is refused and asked for again
const refusals = [];
found.receipt = await kiosk.enroll("zoë & co", (_remaining, refused) => {
  if (refused) refusals.push(refused.reason);
  return { strokes: offered.shift() };
});
found.refusals = refusals;
found.givenUp = await failure(
  kiosk.enroll("bob", () => {
    throw new TypeError("given up");
  }),
);
found.users = await kiosk.users();
found.accepted = await kiosk.verify("zoë & co", { strokes: offered.shift() });
found.rejected = await kiosk.verify("zoë & co", { strokes: other[0] });
found.matches = (await kiosk.identify({ strokes: offered.shift() })).map((match) => match.user_id);
found.alike = (await kiosk.similarity({ strokes: own[0] }, [{ strokes: own[1] }, { strokes: own[2] }])).references;
found.picture = await failure(kiosk.verify("zoë & co", { image: Buffer.from(picture, "base64") }));
found.noPicture = await failure(kiosk.verify("zoë & co", { image: new Blob(["no picture"]) }));
await kiosk.unlock("zoë & co");
await kiosk.forget("zoë & co");
found.left = await kiosk.users();
await kiosk.signOut();
found.after = await failure(kiosk.users());
found.nobody = await new Kiosk("http://127.0.0.1:9").health();
found.away = await failure(new Kiosk("http://127.0.0.1:9").info());
console.log(JSON.stringify(found));
