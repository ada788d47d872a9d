"""The kiosk's REST interface from Node.js 18 or newer and from browsers: `sigverify.js`, no other package."""
