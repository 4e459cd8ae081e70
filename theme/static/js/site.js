// Makes the forms nicer and the comments newer. Everything works without it: nothing here may be needed.
"use strict";

const page = location.pathname;
const make = (tag, properties, ...inside) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...inside);
  return element;
};

// What is typed is kept until it was sent, over a reload too. Storage may be forbidden: then it just is not kept.
const kept = (key, value) => {
  try {
    if (value === undefined) return JSON.parse(sessionStorage.getItem(key)) || {};
    value ? sessionStorage.setItem(key, JSON.stringify(value)) : sessionStorage.removeItem(key);
  } catch {}
  return {};
};

// Where the visit began, and on which other site it did: told with a request for a whitepaper, else to nobody.
const first = kept("first");
if (!first.page) {
  const { host, hostname } = document.referrer ? new URL(document.referrer) : {};
  Object.assign(first, { page: page + location.search, referrer: host === location.host ? "" : hostname });
  kept("first", first);
}

let answerTo; // of the reply form, below

const newId = () => crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("-");

for (const form of document.querySelectorAll('[data-enhance="lead"], [data-enhance="comment"]')) {
  const words = form.dataset;
  const button = form.querySelector("button");
  const label = button.textContent;
  const fields = [...form.elements].filter((field) => field.name && field.type !== "hidden" && field.name !== "website");
  const typed = fields.concat(form.elements.parent ?? []); // which comment a reply answers is the reader's choice too
  const key = page + words.enhance + (form.elements.cta?.value ?? "");
  const draft = kept(key);
  let busy = false;

  for (const field of typed) {
    const value = draft.values?.[field.name];
    if (value === undefined) continue;
    field.type === "checkbox" ? (field.checked = value) : (field.value = value);
    if (value && form.closest("details")) form.closest("details").open = true;
  }
  const keep = () => {
    draft.values = Object.fromEntries(typed.map((field) => [field.name, field.type === "checkbox" ? field.checked : field.value]));
    kept(key, draft);
  };

  // One message above the button, read out when it appears.
  const say = (text, kind) => {
    form.querySelector(".notice")?.remove();
    if (!text) return;
    const notice = make("p", { className: `notice ${kind}`, role: "alert" }, text);
    button.parentNode.before(notice);
  };
  const clear = (field) => {
    if (!field.hasAttribute("aria-invalid")) return;
    field.removeAttribute("aria-invalid");
    const error = document.getElementById(`${field.id}-error`);
    const others = (field.getAttribute("aria-describedby") ?? "").replace(error.id, "").trim();
    others ? field.setAttribute("aria-describedby", others) : field.removeAttribute("aria-describedby");
    error.remove();
  };
  const refuse = (field, text) => {
    clear(field);
    const error = make("p", { className: "field-error", id: `${field.id}-error` }, text);
    field.closest(".field, .check").append(error);
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", `${field.getAttribute("aria-describedby") ?? ""} ${error.id}`.trim());
  };
  // In the page's language, which need not be the browser's.
  const wrongWith = ({ validity }) => (validity.valid ? "" : validity.valueMissing ? words.missing : words.noAddress);
  const refuseAll = (errors, message) => {
    const wrong = fields.filter((field) => errors[field.name]);
    for (const field of wrong) refuse(field, errors[field.name]);
    wrong.length ? wrong[0].focus() : say(message, "error");
  };

  // In a wave the service asks the browser for some work (ALTCHA), done while the form is being filled in.
  let work;
  const prove = async () => {
    const answer = await fetch(form.action.replace("leads", "challenge"));
    if (answer.status !== 200) return;
    const challenge = await answer.json();
    const worker = new Worker(words.worker);
    const solution = await new Promise((done) => {
      worker.onmessage = worker.onerror = ({ data }) => done(data);
      worker.postMessage({ type: "work", challenge, timeout: 30000 });
    });
    worker.terminate();
    return solution?.derivedKey && btoa(JSON.stringify({ challenge, solution }));
  };
  if (words.worker) form.addEventListener("focusin", () => (work ??= prove().catch(() => {})));

  const send = async () => {
    const values = new URLSearchParams(new FormData(form));
    // The same words again are the same submission; other words are a new one.
    if (draft.sent !== `${values}`) Object.assign(draft, { id: newId(), sent: `${values}` });
    keep();
    values.set("submission_id", draft.id);
    values.set("page", page + location.search); // a service at another address is told our origin alone
    if (words.enhance === "lead") {
      values.set("first_page", first.page);
      if (first.referrer) values.set("first_referrer", first.referrer);
    }
    const proof = await work;
    if (proof) values.set("altcha", proof);
    const answer = await fetch(form.action, {
      method: "POST",
      body: values,
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(8000),
    });
    const said = await answer.json();
    if (answer.status >= 500) throw answer.status;
    if (said.error?.fields?.parent) answerTo(); // it is gone; sent again, the reply answers the post
    if (!answer.ok) return refuseAll(said.error.fields ?? {}, said.error.message);
    kept(key, null);
    const thanks = make("p", { className: "notice success", tabIndex: -1 }, said.message || words.sent);
    form.replaceWith(thanks);
    thanks.focus();
  };

  form.noValidate = true; // our sentences are shown beside the fields instead
  form.addEventListener("input", ({ target }) => (clear(target), keep()));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    say();
    fields.forEach(clear);
    if (!form.checkValidity()) return refuseAll(Object.fromEntries(fields.map((field) => [field.name, wrongWith(field)])));
    busy = true;
    button.textContent = words.sending;
    button.setAttribute("aria-disabled", "true");
    try {
      await send();
      button.textContent = label;
    } catch {
      say(words.notSent, "error");
      button.textContent = words.again;
    }
    button.removeAttribute("aria-disabled");
    busy = false;
  });
}

const comments = document.getElementById("comments");
const reply = document.querySelector('[data-enhance="comment"]');

if (reply) {
  const parent = reply.elements.parent;
  const home = document.getElementById("reply");
  const answering = make("p", { className: "notice", hidden: true });
  reply.before(answering);

  // The comment that the address or a kept reply names; it may be newer than the page, and is looked for again.
  let wanted = new URLSearchParams(location.search).get("reply") || parent.value;
  answerTo = (id, last = true) => {
    const author = id && document.getElementById(`comment-${id}`)?.querySelector("bdi").textContent;
    if (!author && !last) return void (parent.value = id); // sent before it is found, it answers all the same
    wanted = "";
    const changed = parent.value !== (author ? id : "");
    parent.value = author ? id : "";
    if (changed) parent.dispatchEvent(new Event("input", { bubbles: true })); // so that it is kept
    answering.hidden = !author;
    if (!author) return;
    const cancel = make("button", { type: "button", className: "button quiet", textContent: reply.dataset.cancel });
    cancel.onclick = () => (answerTo(), reply.elements.name.focus());
    answering.replaceChildren(reply.dataset.replying.replace("%", author), " ", cancel);
  };
  answerTo(wanted, false);
  comments.addEventListener("click", (event) => {
    const id = event.target.dataset.reply;
    if (!id || !reply.isConnected) return;
    event.preventDefault();
    answerTo(id);
    home.scrollIntoView();
    reply.elements.name.focus({ preventScroll: true });
  });

  // Adds the comments that were approved after the page was built. Silent when there are none, or no answer.
  const build = ({ id, name, created, html }) => {
    const date = new Date(created);
    const shown = date.toLocaleDateString(document.documentElement.lang, { dateStyle: "long", timeZone: "UTC" });
    const when = make("a", { href: `#comment-${id}` }, make("time", { dateTime: created }, shown));
    const again = make("a", { href: `?reply=${id}#reply`, ariaLabel: reply.dataset.replyTo.replace("%", name) }, reply.dataset.reply);
    again.dataset.reply = id;
    return make("li", { id: `comment-${id}` },
      make("article", { className: "comment" },
        make("p", { className: "comment-meta" }, make("b", {}, make("bdi", {}, name)), " ", when),
        make("div", { className: "prose", innerHTML: html }), // the service has cleaned it, and the page's policy runs no script
        make("p", { className: "comment-meta" }, again)));
  };
  const thread = (place) => {
    const list = [...place.children].find((child) => child.matches(".thread"));
    if (list) return list;
    place.append(make("ol", { className: "thread" }));
    return place.lastChild;
  };
  const refresh = async () => {
    const answer = await fetch(`${reply.action}/${reply.elements.post.value}`, { signal: AbortSignal.timeout(8000) });
    const { count, comments: all } = await answer.json();
    const top = comments.querySelector("div");
    for (const comment of all) {
      if (document.getElementById(`comment-${comment.id}`)) continue;
      const above = comment.parent && document.getElementById(`comment-${comment.parent}`);
      thread(above || top).append(build(comment));
    }
    if (wanted) answerTo(wanted);
    if (!count) return;
    top.querySelector(".hint")?.remove();
    const text = count === 1 ? comments.dataset.one : comments.dataset.many.replace("%", count);
    for (const place of document.querySelectorAll("[data-count]")) place.textContent = text;
  };
  new IntersectionObserver((entries, observer) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    refresh().catch(() => {});
  }, { rootMargin: "200px" }).observe(comments);
}
