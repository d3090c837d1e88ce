import type { OperationId } from './routes.ts'

/**
 * Who may do what. Plain data, so that frontends can read it, too: the scopes, the scopes of each
 * role, and what each operation needs.
 */

/** What a caller may be allowed to do, and what that is in words. */
export const scopes = {
  'leads.read': 'read leads, messages, media, tags and figures, and export them',
  'leads.write': 'change, enter, import and merge leads',
  'leads.delete': 'delete a lead with its messages for good, and list what was deleted',
  events: 'follow live events, which carry messages and leads as they come',
  webhooks: 'read and change webhooks, which post messages and leads to other programs',
  status: 'read the status of the session, what works, and metrics',
  session: 'link a phone: QR code, pairing code, passkey, connect',
  'session.end': 'close the session, and unlink the phone',
  admin: 'operators, API keys, who did what, rules of alarms, and what repairs LeadMaster itself'
} as const
export type Scope = keyof typeof scopes

/** All scopes, in the order in which they are shown. */
export const allScopes = Object.keys(scopes) as readonly Scope[]

/** The scopes of each role. */
export const scopesOfRole = {
  admin: allScopes,
  operator: ['leads.read', 'leads.write', 'events', 'status', 'session'],
  viewer: ['leads.read', 'events', 'status']
} as const satisfies Record<string, readonly Scope[]>
export type Role = keyof typeof scopesOfRole

/** `nothing`: open to all. `sign-in`: any caller who is known, whatever its scopes. */
export type Need = Scope | 'nothing' | 'sign-in'

/** What each operation needs. One that is missing here does not compile. */
export const needs = {
  getHealth: 'nothing',
  getReadiness: 'status',
  getMetrics: 'status',
  getOpenApi: 'nothing',
  signIn: 'nothing',
  signOut: 'sign-in',

  getMe: 'sign-in',
  changeMyPassword: 'sign-in',
  listMySessions: 'sign-in',
  deleteMySession: 'sign-in',
  listOperators: 'admin',
  createOperator: 'admin',
  getOperator: 'admin',
  patchOperator: 'admin',
  deleteOperator: 'admin',
  setOperatorPassword: 'admin',
  listOperatorSessions: 'admin',
  deleteOperatorSession: 'admin',
  listKeys: 'admin',
  createKey: 'admin',
  deleteKey: 'admin',
  listAudit: 'admin',
  exportAuditCsv: 'admin',

  listLeads: 'leads.read',
  createLead: 'leads.write',
  exportLeadsCsv: 'leads.read',
  exportLeadsJsonl: 'leads.read',
  importLeads: 'leads.write',
  getLead: 'leads.read',
  exportLead: 'leads.read',
  patchLead: 'leads.write',
  deleteLead: 'leads.delete',
  readLead: 'leads.write',
  unreadLead: 'leads.write',
  handleLead: 'leads.write',
  unhandleLead: 'leads.write',
  mergeLead: 'leads.write',
  listLeadChanges: 'leads.read',
  listLeadMessages: 'leads.read',
  listTags: 'leads.read',
  listDeletions: 'leads.delete',
  getStats: 'leads.read',

  listMessages: 'leads.read',
  exportMessagesCsv: 'leads.read',
  exportMessagesJsonl: 'leads.read',
  importMessages: 'admin',
  getMedia: 'leads.read',
  getMediaUrl: 'leads.read',
  // The URL is the permission.
  getSignedMedia: 'nothing',

  streamEvents: 'events',

  listAlarms: 'leads.read',
  acknowledgeAlarm: 'leads.write',
  listAlarmRules: 'leads.read',
  createAlarmRule: 'admin',
  patchAlarmRule: 'admin',
  deleteAlarmRule: 'admin',
  getBusinessHours: 'leads.read',
  patchBusinessHours: 'admin',

  listWebhooks: 'webhooks',
  createWebhook: 'webhooks',
  getWebhook: 'webhooks',
  patchWebhook: 'webhooks',
  deleteWebhook: 'webhooks',
  rotateWebhookSecret: 'webhooks',
  pingWebhook: 'webhooks',
  listDeliveries: 'webhooks',
  replayDelivery: 'webhooks',
  replayDeadDeliveries: 'webhooks',

  listAccounts: 'status',
  getStatus: 'status',
  getQr: 'session',
  getQrPng: 'session',
  getQrSvg: 'session',
  getQrText: 'session',
  connect: 'session',
  disconnect: 'session.end',
  requestPairingCode: 'session',
  remap: 'admin',
  getPageReport: 'admin',
  getPasskey: 'session',
  answerPasskey: 'session',
  confirmPasskey: 'session',
  restartPasskey: 'session',
  cancelPasskey: 'session',
  getAccountStatus: 'status',
  getAccountQr: 'session',
  getAccountQrPng: 'session',
  getAccountQrSvg: 'session',
  getAccountQrText: 'session',
  connectAccount: 'session',
  disconnectAccount: 'session.end',
  requestAccountPairingCode: 'session',
  remapAccount: 'admin',
  getAccountPageReport: 'admin',
  getAccountPasskey: 'session',
  answerAccountPasskey: 'session',
  confirmAccountPasskey: 'session',
  restartAccountPasskey: 'session',
  cancelAccountPasskey: 'session'
} as const satisfies Record<OperationId, Need>
