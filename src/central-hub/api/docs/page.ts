import { problems } from '../../../contract/problem.ts'
import type { DocumentedOperation, OpenApi } from '../openapi.ts'
import { html, inline, prose, type Html } from './html.ts'
import { operationSection } from './operation.ts'
import { namedSchema } from './schema.ts'

/** The reference as one page: plain HTML, with an anchor for everything that has a name. */

const start = `HUB=http://127.0.0.1:3012
HUB_API_TOKEN=…   # of /etc/leadmaster/central-hub.env
curl "$HUB/api/leads?waiting=true" -H "Authorization: Bearer $HUB_API_TOKEN"`
const startWithClient = `import { createClient, LeadMasterError } from 'leadmaster-client'

const hub = createClient({ baseUrl: 'http://127.0.0.1:3012', token })
const { leads } = await hub.listLeads({ waiting: true })
const lead = await hub.getLead({ id: 1 })
await hub.patchLead({ id: 1, body: { state: 'won' } }, { ifMatch: lead })
for await (const { type, data } of hub.events({ signal })) show(type, data)`

const problemSection = (): Html =>
  html`<section aria-labelledby="problems"><h2 id="problems">Problems</h2>
<p>Each is <code>application/problem+json</code>, RFC 9457, and its <code>type</code> is <code>urn:leadmaster:problem:</code> with the name that stands here.</p>
${Object.entries(problems).map(([type, { status, title, mend }]) => html`<section class="problem" aria-labelledby="problem-${type}"><h3 id="problem-${type}"><strong class="status">${status}</strong> ${type}</h3><p>${title}.</p><p>To mend it: ${inline(mend)}.</p></section>\n`)}</section>`

const titles: Readonly<Record<string, string>> = {
  leads: 'Leads',
  messages: 'Messages',
  events: 'Live events',
  webhooks: 'Webhooks',
  whatsapp: 'WhatsApp',
  operation: 'Operating the hub'
}

type Entry = readonly [method: string, path: string, operation: DocumentedOperation]

/** @returns the whole page */
export const docsPage = (document: OpenApi): string => {
  const entries: Entry[] = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [method, path, operation] as const)
  )
  const groups = document.tags.map(({ name, description }) => ({
    name,
    description,
    entries: entries.filter(([, , { tags }]) => tags[0] === name)
  }))
  const { version, description } = document.info as { version: string; description: string }
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>LeadMaster API ${version}</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/docs.css">
</head>
<body>
<a class="skip" href="#content">Skip to the reference</a>
<header><h1>LeadMaster API <small>${version}</small></h1><p><a href="/openapi.json">openapi.json</a> <a href="/">Operator page</a></p></header>
<nav aria-label="Contents">
<ul>
${groups.map(({ name, entries: some }) => html`<li><a class="group" href="#${name}">${titles[name] ?? name}</a><ul class="operations">${some.map(([method, , { operationId, summary }]) => html`<li><a href="#${operationId}"><span class="method ${method}">${method.toUpperCase()}</span> ${summary}</a></li>\n`)}</ul></li>\n`)}
<li><a class="group" href="#problems">Problems</a></li>
<li><a class="group" href="#schemas">Schemas</a></li>
</ul>
</nav>
<main id="content" tabindex="-1">
<section aria-labelledby="start"><h2 id="start">Start</h2>
${prose(description)}
<pre><code>${start}</code></pre>
<p>In TypeScript, with types of all of this:</p>
<pre><code>${startWithClient}</code></pre>
</section>
${groups.map(
  ({
    name,
    description: about,
    entries: some
  }) => html`<section aria-labelledby="${name}"><h2 id="${name}">${titles[name] ?? name}</h2><p>${about}.</p>
${some.map(([method, path, operation]) => operationSection(document, method, path, operation))}</section>\n`
)}
${problemSection()}
<section aria-labelledby="schemas"><h2 id="schemas">Schemas</h2>
${Object.entries(document.components.schemas).map(([name, schema]) => namedSchema(name, schema))}</section>
</main>
</body>
</html>
`.html
}
