// Keeps the page's own files, so that it opens while the device behind it restarts. Answers of /api are never kept.
const CACHE = "sigverify-kiosk";
const FILES = [
  "/", "/kiosk.css", "/app.js", "/api.js", "/keyboard.js", "/language.js", "/live.js", "/pad.js", "/people.js",
  "/picture.js", "/question.js", "/texts.js", "/words.js", "/icon.svg", "/manifest.webmanifest",
];
const WAIT_MS = 5000; // a device that hangs is away, too

self.addEventListener("install", (event) => {
  // Past this worker, where browsers can: otherwise a page that is closed does not get its last words through.
  event.addRoutes?.({ condition: { urlPattern: "/api/*" }, source: "network" });
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method === "GET" && url.origin === self.location.origin && FILES.includes(url.pathname)) {
    event.respondWith(newest(event.request, url.pathname));
  }
});

// What the device has now; what it had before, where it does not answer.
async function newest(request, path) {
  const cache = await caches.open(CACHE);
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(WAIT_MS) });
    if (answer.ok) await cache.put(path, answer.clone());
    return answer;
  } catch (error) {
    const kept = await cache.match(path);
    if (kept) return kept;
    throw error;
  }
}
