/**
 * Every route of central-hub by the name of its operation. Plain data, so that the client for frontends carries no
 * schema; what each takes and gives stands in `api/`.
 */
export const routes = {
  getHealth: 'GET /health',
  getReadiness: 'GET /ready',
  getMetrics: 'GET /metrics',
  getOpenApi: 'GET /openapi.json',
  signIn: 'POST /api/sign-in',
  signOut: 'POST /api/sign-out',

  listLeads: 'GET /api/leads',
  exportLeadsCsv: 'GET /api/leads.csv',
  exportLeadsJsonl: 'GET /api/leads.jsonl',
  importLeads: 'POST /api/leads/import',
  getLead: 'GET /api/leads/:id',
  patchLead: 'PATCH /api/leads/:id',
  deleteLead: 'DELETE /api/leads/:id',
  readLead: 'POST /api/leads/:id/read',
  mergeLead: 'POST /api/leads/:id/merge',
  listLeadChanges: 'GET /api/leads/:id/history',
  listLeadMessages: 'GET /api/leads/:id/messages',
  listTags: 'GET /api/tags',
  listDeletions: 'GET /api/deletions',
  getStats: 'GET /api/stats',

  listMessages: 'GET /api/messages',
  exportMessagesCsv: 'GET /api/messages.csv',
  exportMessagesJsonl: 'GET /api/messages.jsonl',
  getMedia: 'GET /api/messages/:id/media',

  streamEvents: 'GET /api/events',

  listWebhooks: 'GET /api/webhooks',
  createWebhook: 'POST /api/webhooks',
  getWebhook: 'GET /api/webhooks/:id',
  patchWebhook: 'PATCH /api/webhooks/:id',
  deleteWebhook: 'DELETE /api/webhooks/:id',
  rotateWebhookSecret: 'POST /api/webhooks/:id/rotate-secret',
  pingWebhook: 'POST /api/webhooks/:id/ping',
  listDeliveries: 'GET /api/webhooks/:id/deliveries',
  replayDelivery: 'POST /api/webhooks/:id/deliveries/:delivery_id/replay',
  replayDeadDeliveries: 'POST /api/webhooks/:id/replay',

  listAccounts: 'GET /api/whatsapp/accounts',
  getStatus: 'GET /api/whatsapp/status',
  getQr: 'GET /api/whatsapp/qr',
  getQrPng: 'GET /api/whatsapp/qr.png',
  getQrSvg: 'GET /api/whatsapp/qr.svg',
  getQrText: 'GET /api/whatsapp/qr.txt',
  connect: 'POST /api/whatsapp/connect',
  disconnect: 'POST /api/whatsapp/disconnect',
  requestPairingCode: 'POST /api/whatsapp/pairing-code',
  getPageReport: 'GET /api/whatsapp/page-report',
  getAccountStatus: 'GET /api/whatsapp/accounts/:account/status',
  getAccountQr: 'GET /api/whatsapp/accounts/:account/qr',
  getAccountQrPng: 'GET /api/whatsapp/accounts/:account/qr.png',
  getAccountQrSvg: 'GET /api/whatsapp/accounts/:account/qr.svg',
  getAccountQrText: 'GET /api/whatsapp/accounts/:account/qr.txt',
  getAccountPageReport: 'GET /api/whatsapp/accounts/:account/page-report',
  connectAccount: 'POST /api/whatsapp/accounts/:account/connect',
  disconnectAccount: 'POST /api/whatsapp/accounts/:account/disconnect',
  requestAccountPairingCode: 'POST /api/whatsapp/accounts/:account/pairing-code'
} as const

export type OperationId = keyof typeof routes
