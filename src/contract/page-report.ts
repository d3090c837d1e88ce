import Type, { type Static } from 'typebox'
import { Fence, SessionStatus } from './session.ts'

/**
 * `GET /page-report`: what the open page of WhatsApp Web is made of, for somebody who has no phone
 * to look with. It holds names and types only. No text, number, id or other value of a message or a
 * contact is in it.
 */

/** A name of the page's own code. `<key>` replaces each name that may have come with a message. */
const Name = '^(<key>|[A-Za-z_$][A-Za-z0-9_$]{0,79})$'
const Kind = Type.String({
  pattern: '^[a-z]+(\\|[a-z]+)*$',
  description: 'typeof, or null, array, bytes; several are separated by |'
})

export const PageCheck = Type.Object({
  name: Type.String({ pattern: '^[a-z][a-z_ -]{0,60}$', description: 'what is looked at' }),
  verdict: Type.Union([Type.Literal('ok'), Type.Literal('failed'), Type.Literal('unknown')]),
  missing: Type.Array(Type.String({ pattern: '^[A-Za-z_$][A-Za-z0-9_$.]{0,160}$' }), {
    description: 'modules, and members of them as Module.member'
  })
})
export type PageCheck = Static<typeof PageCheck>

/** What an exported name is, or why the module cannot be looked at. */
export const PageModule = Type.Union([
  Type.Literal('missing', { description: 'the page has no module of this name' }),
  Type.Literal('failing', { description: 'the page has it, and it cannot be required' }),
  Type.Record(Type.String({ pattern: Name }), Kind)
])
export type PageModule = Static<typeof PageModule>

/** Paths such as `id.remote` and `vcardList[].displayName`, each with its type. */
export const MessageFields = Type.Record(Type.String({ maxLength: 300 }), Kind)
export type MessageFields = Static<typeof MessageFields>

/** What is read in the page. */
export const PageFindings = Type.Object({
  whatsapp_web: Type.Union(
    [Type.String({ pattern: '^\\d{1,3}\\.\\d{1,5}\\.\\d{1,10}$' }), Type.Null()],
    { description: 'the revision of the page; null when the page does not give it' }
  ),
  chromium: Type.Union([Type.Integer(), Type.Null()], {
    description: 'the major version of the browser'
  }),
  checks: Type.Array(PageCheck),
  modules: Type.Record(Type.String(), PageModule, {
    description: 'by module, the names that it exports'
  }),
  messages: Type.Record(Type.String(), MessageFields, {
    description: 'by type of message, the fields of the newest messages that the page holds'
  })
})
export type PageFindings = Static<typeof PageFindings>

export const pageReportFormat = 'leadmaster-page-report/1'

export const PageReport = Type.Object({
  format: Type.Literal(pageReportFormat),
  leadmaster: Type.String({ description: 'the version of LeadMaster' }),
  session: SessionStatus,
  guard: Type.Optional(
    Type.Object(
      { wire: Fence, modules: Fence },
      { description: 'whether the fences of the send guard hold, as in the status' }
    )
  ),
  ...PageFindings.properties
})
export type PageReport = Static<typeof PageReport>
