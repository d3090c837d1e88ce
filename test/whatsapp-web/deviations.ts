/**
 * Names that a simulated module offers and the real one of April 2026 does not, each with the
 * reason.
 */
export const deviations: Readonly<Record<string, string>> = {
  'WAWebDemoteNewsletterAdminAction.demoteNewsletterAdmin':
    'whatsapp-web.js 1.34.7 asks for it by this name',
  'WAWebNewsletterDemoteAdminJob.demoteNewsletterAdminAction':
    'whatsapp-web.js 1.34.7 asks for it by this name',
  'WAWebGroupQueryJob.resetGroupInviteCode':
    'whatsapp-web.js 1.34.7 asks for it here; the page has it in WAWebGroupInviteJob',
  'WAWebBlockContactUtils.getContactToBlockOnlyUseIfNoAssociatedChat':
    'whatsapp-web.js 1.34.7 asks for it; older pages had it',
  'WAWebNewsletterModelUtils.getRoleByIdentifier':
    'whatsapp-web.js 1.34.7 asks for it; older pages had it'
}
