// The references of a text: a card shows where one leads while the pointer or the focus is on it, and going back returns to the line of
// the followed one. Only documents need it, so it is not part of the browser library, which every visitor downloads.
(() => {
  const LINKS = ".prose a[href*='#page-']";
  /** The pointer rests on a link for so many milliseconds before its card is shown. */
  const REST_MS = 250;
  const CHARS_MAX = 280;
  /** The space between the link and its card, in pixels. */
  const GAP = 6;
  let pause;

  const hide = () => {
    clearTimeout(pause);
    pause = undefined;
    document.getElementById("card")?.remove();
  };

  /** The beginning of what stands at an anchor. */
  const content = (page, anchor) => {
    const target = page.getElementById(anchor);
    if (!target) return null;
    const block = target.tagName === "A" ? target.closest("figure, li, p, .scroll-x") : target.matches(".page") ? target.querySelector(".prose") : target;
    let text = block?.textContent ?? "";
    // A section shows how it begins, a caption only itself.
    const goesOn = /^page-\d+-\d+$/.test(anchor);
    for (let next = block?.nextElementSibling; goesOn && next && text.length < CHARS_MAX; next = next.nextElementSibling) {
      text += `\n${next.textContent}`;
    }
    text = text.trim();
    const start = [...text].slice(0, CHARS_MAX).join("");
    return start.length < text.length ? `${start.trimEnd()}…` : start;
  };

  const fetched = async (number) => {
    const address = new URL(location.href);
    address.search = `?page=${number}&only=pages`;
    const answer = await fetch(address);
    return answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  };

  const show = async (link, turn) => {
    const anchor = link.hash.slice(1);
    const number = anchor.split("-")[1];
    let text = content(document, anchor);
    if (text === null) {
      const page = await fetched(number).catch(() => null);
      text = page && content(page, anchor);
    }
    // The pointer may have left meanwhile.
    if (!text || pause !== turn) return;
    const card = document.createElement("div");
    card.id = "card";
    card.role = "tooltip";
    card.textContent = `Page ${number}\n${text}`;
    document.getElementById("main").append(card);
    const at = link.getBoundingClientRect();
    const size = card.getBoundingClientRect();
    const isBelow = at.bottom + GAP + size.height < innerHeight;
    card.style.top = `${isBelow ? at.bottom + GAP : Math.max(at.top - GAP - size.height, 0)}px`;
    card.style.left = `${Math.max(Math.min(at.left, document.documentElement.clientWidth - size.width - GAP), GAP)}px`;
    link.setAttribute("aria-describedby", "card");
  };

  for (const name of ["pointerover", "focusin"]) {
    document.addEventListener(name, ({ target }) => {
      hide();
      const link = target.closest?.(LINKS);
      if (link) pause = setTimeout(() => show(link, pause), REST_MS);
    });
  }
  /** Before a reference is followed, the address names its own place on the screen, so that going back returns to it. */
  const remember = (link) => {
    const number = link.closest(".page")?.id.split("-")[1];
    if (!number) return;
    link.id = `page-${number}-reference-${document.querySelectorAll("[id*='-reference-']").length}`;
    link.style.scrollMarginTop = `${link.getBoundingClientRect().top}px`;
    const address = new URL(location.href);
    address.searchParams.set("page", number);
    address.hash = link.id;
    history.replaceState(history.state, "", address);
  };
  document.addEventListener("click", (event) => {
    hide();
    const link = event.target.closest?.(LINKS);
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) remember(link);
  }, { capture: true });
  document.addEventListener("keydown", ({ key }) => key === "Escape" && hide());
})();
