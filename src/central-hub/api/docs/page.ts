import { problems, type ProblemType } from '../../../contract/problem.ts'
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

const problemEntry = (
  type: string,
  { status, title, mend }: (typeof problems)[ProblemType]
): Html => {
  const number = html`<strong class="status">${status}</strong>`
  const heading = html`<h3 id="problem-${type}">${number} ${type}</h3>`
  const texts = html`<p>${title}.</p><p>To mend it: ${inline(mend)}.</p>`
  const content = html`${heading}${texts}`
  return html`<section class="problem" aria-labelledby="problem-${type}">${content}</section>\n`
}

const aboutProblems =
  'Each is `application/problem+json`, RFC 9457, and its `type` is `urn:leadmaster:problem:` ' +
  'with the name that stands here.'

const problemSection = (): Html =>
  html`<section aria-labelledby="problems"><h2 id="problems">Problems</h2>
<p>${inline(aboutProblems)}</p>
${Object.entries(problems).map(([type, problem]) => problemEntry(type, problem))}</section>`

const titles: Readonly<Record<string, string>> = {
  leads: 'Leads',
  messages: 'Messages',
  events: 'Live events',
  webhooks: 'Webhooks',
  whatsapp: 'WhatsApp',
  operation: 'Operating the hub'
}

type Entry = readonly [method: string, path: string, operation: DocumentedOperation]

interface Group {
  name: string
  description: string
  entries: readonly Entry[]
}

/** The operations of the document by their tag. */
const groupsOf = (document: OpenApi): Group[] => {
  const entries: Entry[] = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [method, path, operation] as const)
  )
  return document.tags.map(({ name, description }) => ({
    name,
    description,
    entries: entries.filter(([, , { tags }]) => tags[0] === name)
  }))
}

const contentsLink = ([method, , { operationId, summary }]: Entry): Html => {
  const name = html`<span class="method ${method}">${method.toUpperCase()}</span>`
  return html`<li><a href="#${operationId}">${name} ${summary}</a></li>\n`
}

const contentsGroup = ({ name, entries }: Group): Html => {
  const heading = html`<a class="group" href="#${name}">${titles[name] ?? name}</a>`
  const links = html`<ul class="operations">${entries.map(contentsLink)}</ul>`
  return html`<li>${heading}${links}</li>\n`
}

const groupSection = (document: OpenApi, { name, description, entries }: Group): Html => {
  const heading = html`<h2 id="${name}">${titles[name] ?? name}</h2>`
  const sections = entries.map(([method, path, operation]) =>
    operationSection(document, method, path, operation)
  )
  return html`<section aria-labelledby="${name}">${heading}<p>${description}.</p>
${sections}</section>\n`
}

/** @returns the whole page */
export const docsPage = (document: OpenApi): string => {
  const groups = groupsOf(document)
  const schemas = Object.entries(document.components.schemas)
  const { version, description } = document.info as { version: string; description: string }
  const title = html`<h1>LeadMaster API <small>${version}</small></h1>`
  const links = html`<a href="/openapi.json">openapi.json</a> <a href="/">Operator page</a>`
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
<header>${title}<p>${links}</p></header>
<nav aria-label="Contents">
<ul>
${groups.map(contentsGroup)}
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
${groups.map((group) => groupSection(document, group))}
${problemSection()}
<section aria-labelledby="schemas"><h2 id="schemas">Schemas</h2>
${schemas.map(([name, schema]) => namedSchema(name, schema))}</section>
</main>
</body>
</html>
`.html
}
