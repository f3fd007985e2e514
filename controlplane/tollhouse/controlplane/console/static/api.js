// Talking to the control plane. The session is a cookie no script sees; writes carry the session's token.

export const UNANSWERED = "The control plane does not answer. Is it running?";
const LONGEST_MS = 60000;
let csrf = "";

export class Refused extends Error {
  constructor(status, message, body) {
    super(message);
    this.status = status;
    this.body = body;
  }
}

export function keepToken(token) {
  csrf = token;
}

export async function call(method, path, body, headers) {
  const sent = {...headers};
  if (body !== undefined) sent["Content-Type"] = "application/json";
  if (method !== "GET") sent["X-CSRF-Token"] = csrf;
  let response;
  try {
    response = await fetch(`api/${path}`, {
      method, headers: sent, body: body === undefined ? undefined : JSON.stringify(body), credentials: "same-origin", signal: AbortSignal.timeout(LONGEST_MS),
    });
  } catch {
    throw new Refused(0, UNANSWERED);
  }
  const text = await response.text();
  let told = null;
  try {
    told = text ? JSON.parse(text) : null;
  } catch {
    told = {error_msg: text};
  }
  if (!response.ok) {
    const message = (told && (told.error_msg || told.message || told.description)) || `status ${response.status}`;
    const failure = new Refused(response.status, told && told.description ? told.description : message, told);
    if (response.status === 401 && path !== "session") window.dispatchEvent(new Event("signed-out"));
    throw failure;
  }
  return {body: told, etag: response.headers.get("ETag"), revision: response.headers.get("X-Tollhouse-Revision")};
}

export const get = async (path) => (await call("GET", path)).body;
export const admin = (method, path, body, headers) => call(method, `admin/${path}`, body, headers);
