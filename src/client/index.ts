/** `leadmaster-client`: a typed client of central-hub for frontends, in browsers and in Node. */
export { createClient, etagOf, pages, type Client } from './client.ts'
export { LeadMasterError, type ErrorType } from './error.ts'
export type { Connection, EventOptions, HubEvent, Told } from './events.ts'
export type { ClientOptions } from './request.ts'
export type { CallId, CallOptions, Input, Output } from './types.ts'
export type {
  Deletion,
  ImportResult,
  Lead,
  LeadChange,
  LeadCreate,
  LeadPage,
  LeadPatch,
  LeadRemoved,
  LeadSource,
  LeadState,
  LastMessage,
  MediaUrl,
  Message,
  MessagePage,
  Readiness,
  Stats
} from '../contract/lead.ts'
export type { MessageKind } from '../contract/message-types.ts'
export type { PageReport } from '../contract/page-report.ts'
export type { Remapped } from '../contract/session.ts'
export type { Problem, ProblemType } from '../contract/problem.ts'
export type {
  Ad,
  Album,
  CalendarEvent,
  Call,
  Card,
  Choice,
  GroupInvite,
  Interactive,
  Order,
  Payment,
  PhoneOnly,
  Product
} from '../contract/content.ts'
export type { Media } from '../contract/record.ts'
export type {
  Accounts,
  Connect,
  Disconnect,
  PairingCode,
  Passkey,
  PasskeyAnswer,
  PasskeyRequest,
  Qr,
  SessionStatus,
  Status
} from '../contract/session.ts'
export type {
  Alarm,
  AlarmRule,
  AlarmRuleCreate,
  AlarmRulePatch,
  BusinessHours
} from '../contract/alarm.ts'
export type { AuditEntry } from '../contract/audit.ts'
export type {
  ApiKey,
  ApiKeyCreate,
  ApiKeyWithSecret,
  Me,
  Operator,
  OperatorCreate,
  OperatorPatch,
  OperatorSession,
  Role,
  Scope
} from '../contract/team.ts'
export type {
  Delivery,
  Webhook,
  WebhookCreate,
  WebhookEvent,
  WebhookPatch,
  WebhookWithSecret
} from '../contract/webhook.ts'
