// The terminal itself is textual-serve's. This says where its socket is, gives it the keyboard, and tells why it ended.
(() => {
  "use strict";
  const EVERY_MS = 2000;
  const body = document.body;
  const over = document.getElementById("over");
  const said = over.querySelector("p");
  const again = over.querySelector("button");
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  let hasBegun = false;
  let isOver = false;

  document.getElementById("terminal").dataset.sessionWebsocketUrl = `${scheme}//${location.host}/ws`;
  again.addEventListener("click", () => location.reload());

  function say(what, canStart) {
    said.textContent = over.dataset[what];
    again.hidden = !canStart;
    if (canStart) again.focus();
  }

  async function state() {
    try {
      const answer = await fetch("/state", { cache: "no-store" });
      if (answer.status === 401) return "changed";
      return answer.ok && (await answer.json()).has_room ? "ended" : answer.ok ? "full" : "gone";
    } catch {
      return "gone";
    }
  }

  async function wait() {
    const found = await state();
    if (found === "ended") location.reload();
    else {
      say(found, false);
      if (found !== "changed") setTimeout(wait, EVERY_MS);
    }
  }

  async function end() {
    const found = await state();
    if (found === "ended" && hasBegun) say("ended", true);
    else {
      say(found, found === "ended");
      if (found === "gone" || found === "full") setTimeout(wait, EVERY_MS);
    }
  }

  new MutationObserver(() => {
    if (body.classList.contains("-first-byte") && !hasBegun) {
      hasBegun = true;
      document.querySelector(".xterm-helper-textarea").focus();
    }
    if (body.classList.contains("-closed") && !isOver) {
      isOver = true;
      end();
    }
  }).observe(body, { attributes: true, attributeFilter: ["class"] });
})();
