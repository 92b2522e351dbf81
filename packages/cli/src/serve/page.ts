/** A small page to try the network: one file, nothing from elsewhere. */
import { createHash } from "node:crypto";

const STYLE = `:root{color-scheme:light dark}body{font:16px system-ui,sans-serif;max-width:36rem;margin:3rem auto;padding:0 1rem}
@media(max-width:30rem){body{margin:1rem auto}}input{font:inherit;max-width:100%}
img[src]{max-width:100%;min-height:7rem;max-height:16rem;display:block;margin:1rem 0}
td{padding:.2rem .8rem .2rem 0;overflow-wrap:anywhere}td:last-child{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}`;

const SCRIPT = `const file=document.querySelector("input"),img=document.querySelector("img"),out=document.querySelector("output");
file.addEventListener("change",async()=>{const f=file.files[0];if(!f)return;URL.revokeObjectURL(img.src);img.src=URL.createObjectURL(f);img.alt=f.name;
out.textContent="…";try{const r=await fetch("predict",{method:"POST",headers:{"content-type":"application/octet-stream"},body:f});
const j=await r.json();if(!r.ok)throw new Error(j.error.message);out.textContent="";const t=out.appendChild(document.createElement("table"));
for(const p of j.results[0]){const row=t.insertRow();row.insertCell().textContent=p.class;const b=document.createElement("progress");
b.value=p.probability;b.ariaLabel=p.class;row.insertCell().append(b);row.insertCell().textContent=(100*p.probability).toFixed(1)+" %"}}
catch(e){out.textContent=e.message}});`;

export const PAGE: string = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Faltung</title><link rel="icon" href="data:,"><style>${STYLE}</style>
<h1>What is in the picture?</h1><label>A picture: <input type="file" accept="image/png,image/jpeg,image/webp,image/gif"></label>
<img alt=""><output aria-live="polite"></output>
<p>For programs: <a href="openapi.json">the interface</a>, <a href="metrics">metrics</a>.</p><script>${SCRIPT}</script></html>`;

const hash = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

export const PAGE_POLICY: string = `default-src 'none'; script-src ${hash(SCRIPT)}; style-src ${hash(STYLE)}; img-src blob: data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'`;
