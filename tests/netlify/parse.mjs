// Prints what Netlify reads in a netlify.toml: {"redirects": [...], "headers": [...], "errors": [...]}.
import { parseAllHeaders } from "@netlify/headers-parser";
import { parseAllRedirects } from "@netlify/redirect-parser";

const [netlifyConfigPath] = process.argv.slice(2);
const redirects = await parseAllRedirects({ redirectsFiles: [], netlifyConfigPath, configRedirects: [], minimal: true });
const headers = await parseAllHeaders({ headersFiles: [], netlifyConfigPath, configHeaders: [], minimal: true });
const errors = [...redirects.errors, ...headers.errors].map(String);
console.log(JSON.stringify({ redirects: redirects.redirects, headers: headers.headers, errors }));
