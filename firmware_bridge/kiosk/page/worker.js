// Keeps the page's own files, so that it opens while the device behind it restarts. Answers of /api are never kept.
const CACHE = "sigverify-kiosk";
const FILES = ["/", "/kiosk.css", "/app.js", "/api.js", "/live.js", "/pad.js", "/icon.svg", "/manifest.webmanifest"];

self.addEventListener("install", (event) => {
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
    const answer = await fetch(request);
    if (answer.ok) await cache.put(path, answer.clone());
    return answer;
  } catch (error) {
    const kept = await cache.match(path);
    if (kept) return kept;
    throw error;
  }
}
