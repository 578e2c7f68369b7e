"use strict";
// Codes and passwords are kept nowhere but in the fields, and sent nowhere but in the body of a request to this box.

const by = (id) => document.getElementById(id);
const show = (id, shown) => { const element = by(id); if (element) element.hidden = !shown; };

const ROLES = {
  "administrator": ["管理者", "administrator"],
  "care-manager": ["介護支援専門員", "care manager"],
  "clerk": ["事務", "clerk"],
  "doctor": ["医師", "doctor"],
  "vendor": ["保守業者", "vendor"],
};
const RIGHTS = {
  "submit": ["文書を送る", "hand documents in"],
  "read": ["送った文書の様子を見る", "see how submissions are doing"],
  "manage": ["取消・再送・紙での送付", "cancel, retry, send on paper"],
  "receive": ["届いたケアプランを読む", "read care plans that came"],
  "card": ["カードで本人を確かめる", "identify people by their card"],
  "card-apdu": ["カードに直接命令する", "raw card commands"],
  "admin": ["端末・職員・鍵・記録を管理する", "look after terminals, staff, keys and the trail"],
};

// Text only: nothing that comes from outside is ever read as markup.
function both(element, ja, en) {
  const foreign = document.createElement("span");
  foreign.className = "en";
  foreign.lang = "en";
  foreign.textContent = en;
  element.append(ja + " ", foreign);
  return element;
}

function tell(bad, ...sentences) {
  const told = by("told");
  told.replaceChildren(...sentences.map(([ja, en]) => both(document.createElement("p"), ja, en)));
  told.classList.toggle("bad", bad);
}

function tellProblem(problem) {
  const sentences = (problem.errors || []).map((place) => [place.detail, place.detail_en]);
  if (!sentences.length) sentences.push([problem.detail, problem.detail_en]);
  const wait = problem.retry_after;
  if (wait) {
    const minutes = Math.ceil(wait / 60);
    sentences.push(wait < 60 ? [`あと${wait}秒です。`, `${wait} seconds to wait.`] : [`あと約${minutes}分です。`, `About ${minutes} min to wait.`]);
  }
  tell(true, ...sentences);
}

const UNREACHED = {
  code: "", detail: "機器につながりません。ネットワークを確かめて、もう一度お試しください。",
  detail_en: "The box cannot be reached. Look at the network and try again.",
};

// What came back, or the problem: `{ value }` or `{ problem }`.
async function ask(method, path, body) {
  const options = { method, headers: { "Accept": "application/json" }, cache: "no-store", credentials: "same-origin", referrerPolicy: "no-referrer" };
  if (body) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  try {
    const response = await fetch(path, options);
    const text = await response.text();
    const value = text ? JSON.parse(text) : null;
    return response.ok ? { value } : { problem: value || UNREACHED };
  } catch {
    return { problem: UNREACHED };
  }
}

// One request at a time: a second press would count as a second try.
function on(form, work) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const buttons = form.querySelectorAll("button");
    buttons.forEach((button) => { button.disabled = true; });
    try { await work(); } finally { buttons.forEach((button) => { button.disabled = false; }); }
  });
}

function onLogout() {
  by("logout").addEventListener("click", async () => {
    const { problem } = await ask("DELETE", "/v1/session");
    if (problem && problem.code !== "LOGIN_REQUIRED") tellProblem(problem); else location.assign("/login");
  });
}

// Where to go when somebody is not known here.
function unknown(problem) {
  tellProblem(problem);
  if (problem.code === "LOGIN_REQUIRED") show("to-login", true);
  if (["AUTH_MISSING", "AUTH_INVALID"].includes(problem.code)) {
    if (location.protocol === "https:") {
      tell(true, ["この端末はまだ登録されていないか、登録が取り消されています。", "This browser is not paired, or not any longer."]);
      show("to-pair", true);
    } else tellNoLan();
  }
}

function tellNoLan() {
  tell(true, [
    "人のログインは、LANのアドレス（https://…）で開いた画面からだけできます。アドレスは管理者に尋ねてください。",
    "People come in by the box's address on the LAN (https://…) only. Ask the administrator for it.",
  ]);
}

async function home() {
  onLogout();
  const { value, problem } = await ask("GET", "/v1/session");
  if (problem) return unknown(problem);
  if (value.one_time) return location.replace("/login");
  const [ja, en] = ROLES[value.role] || [value.role, value.role];
  by("name").textContent = value.name;
  by("user").textContent = value.user;
  both(by("role"), ja, en);
  by("terminal").textContent = value.terminal;
  by("ends").textContent = new Date(value.ends_at).toLocaleString("ja-JP", { dateStyle: "medium", timeStyle: "short" });
  const items = value.rights.map((right) => both(document.createElement("li"), ...(RIGHTS[right] || [right, right])));
  if (!items.length) items.push(both(document.createElement("li"), "機器の様子を見る", "see how the box is"));
  by("rights").replaceChildren(...items);
  show("known", true);
}

function pair() {
  const code = by("code");
  // From the QR code. It is taken out of the address at once, so that it stays in no history.
  const take = () => {
    const given = new URLSearchParams(location.hash.slice(1)).get("code");
    if (location.hash) history.replaceState(null, "", location.pathname);
    if (!given) return;
    code.value = given;
    tell(false, ["コードを読み取りました。「登録する」を押してください。", "The code is filled in. Press “Pair”."]);
  };
  window.addEventListener("hashchange", take);
  take();
  if (location.protocol !== "https:") tellNoLan();
  on(by("pair"), async () => {
    const { value, problem } = await ask("POST", "/v1/pair", { code: code.value });
    if (problem) {
      tellProblem(problem);
      return code.focus();
    }
    code.value = "";
    if (value.kind !== "browser") {
      return tell(true, [
        "このコードはプログラム用でした。使ってしまったので、管理者に新しいコードを求めてください。",
        "That code was for a program, and is used up. Ask the administrator for a new one.",
      ]);
    }
    show("pair", false);
    by("pair").after(by("told"));
    tell(false, [`この端末を「${value.label}」として登録しました。`, `This browser is paired as “${value.label}”.`]);
    show("to-login", true);
    by("to-login").firstElementChild.focus();
  });
}

async function login() {
  const change = (oneTime, focus, user) => {
    // For the browser's own store of passwords.
    by("whose").value = user;
    show("title-login", false);
    show("title-password", true);
    show("login", false);
    show("change", true);
    show("one-time", oneTime);
    by(focus).focus();
  };
  onLogout();
  on(by("login"), async () => {
    tell(false);
    const { value, problem } = await ask("POST", "/v1/session", { user: by("user").value.trim(), password: by("password").value });
    if (problem) {
      unknown(problem);
      by("password").select();
      return;
    }
    if (!value.one_time) return location.assign("/");
    by("present").value = by("password").value;
    by("password").value = "";
    change(true, "new", value.user);
  });
  on(by("change"), async () => {
    if (by("new").value !== by("again").value) {
      tell(true, ["新しいパスワードが二つとも同じではありません。", "The two new passwords are not the same."]);
      return by("again").select();
    }
    const { problem } = await ask("POST", "/v1/session/password", { password: by("present").value, new_password: by("new").value });
    if (problem) {
      tellProblem(problem);
      return by(problem.code === "PASSWORD_WEAK" ? "new" : "present").select();
    }
    location.assign("/");
  });
  const { value, problem } = await ask("GET", "/v1/session");
  if (value && (value.one_time || location.hash === "#password")) return change(value.one_time, "present", value.user);
  if (value) return location.replace("/");
  if (problem.code !== "LOGIN_REQUIRED") return unknown(problem);
  by("user").focus();
}

({ home, pair, login })[document.body.dataset.page]();
