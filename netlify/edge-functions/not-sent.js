// Stands around Netlify's proxy to the service (netlify.toml says where; docs/decisions/0003 says why): where the
// service does not answer, the reader gets the site's page that says so, with the site's headers, and a program
// gets JSON. Whatever the service says itself, its errors too, passes as it is: it always has the policy header.

const SENTENCE = "Nothing was sent: the service does not answer at the moment. Please try again in a minute.";
const OF_ANOTHER_BODY = ["content-length", "content-encoding", "etag", "last-modified", "accept-ranges", "age"];

const wantsJson = (accept) => !/text\/html|application\/xhtml\+xml/i.test(accept) && /json/i.test(accept);

export default async (request, context) => {
  const answer = await context.next().catch(() => null);
  if (answer && (answer.status < 500 || answer.headers.has("content-security-policy"))) return answer;
  await answer?.body?.cancel();

  const page = await fetch(new URL("/not-sent/", request.url)).catch(() => null);
  const headers = new Headers(page?.ok ? page.headers : {});
  for (const name of OF_ANOTHER_BODY) headers.delete(name);
  headers.set("cache-control", "no-store");
  headers.set("retry-after", "30");

  if (wantsJson(request.headers.get("accept") ?? "")) {
    headers.set("content-type", "application/json");
    const error = { code: "unavailable", message: SENTENCE, fields: {} };
    return new Response(JSON.stringify({ error }), { status: 503, headers });
  }
  if (!page?.ok) headers.set("content-type", "text/plain; charset=utf-8");
  return new Response(page?.ok ? await page.text() : SENTENCE, { status: 503, headers });
};
