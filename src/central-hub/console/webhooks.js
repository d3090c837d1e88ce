import { api } from './api.js'
import { byId, h } from './dom.js'
import { errorNote } from './error.js'
import { dateTime } from './format.js'
import { texts } from './texts.js'

/**
 * Where events are posted to, how that goes, and what a person can do about it. They are set up
 * over REST.
 */

/** @typedef {import('../../contract/webhook.ts').Webhook} Webhook */

export const createWebhooks = () => {
  /** @type {Webhook[] | undefined} */
  let webhooks
  /** @type {unknown} */
  let fault
  const box = byId('webhooks')
  const outcome = byId('webhooks-outcome')

  /** @param {HTMLElement} button @param {() => Promise<string>} run what it comes to, in words */
  const act = async (button, run) => {
    if (button.getAttribute('aria-disabled') === 'true') return
    button.setAttribute('aria-disabled', 'true')
    try {
      outcome.replaceChildren(h('p', {}, await run()))
    } catch (error) {
      outcome.replaceChildren(errorNote(error))
    }
    button.removeAttribute('aria-disabled')
  }
  /** @param {Webhook} webhook */
  const state = ({ enabled, failing_since, last_success_at }) => {
    if (!enabled) return texts.webhookOff
    if (failing_since !== null) return texts.webhookFailing(dateTime(new Date(failing_since)))
    if (last_success_at !== null) return texts.webhookFine(dateTime(new Date(last_success_at)))
    return texts.webhookNever
  }

  /** @param {Webhook} webhook */
  const item = (webhook) => {
    const { id, url, description, failing_since, last_error, pending, dead } = webhook
    const button = (/** @type {string} */ text, /** @type {() => Promise<string>} */ run) => {
      const made = h(
        'button',
        { type: 'button', onclick: () => void act(made, run) },
        text,
        h('span', { class: 'sr-only' }, ` ${description || url}`)
      )
      return made
    }
    return h(
      'li',
      { class: 'hook' },
      h(
        'p',
        {},
        description !== '' && h('strong', {}, h('bdi', {}, description), ' '),
        h('bdi', { class: 'url' }, url)
      ),
      h(
        'p',
        { class: `small ${failing_since === null ? 'muted' : 'error'}` },
        [
          state(webhook),
          ...(pending > 0 ? [texts.webhookPending(pending)] : []),
          ...(dead > 0 ? [texts.webhookDead(dead)] : [])
        ].join(' · ')
      ),
      failing_since !== null &&
        last_error !== null &&
        h('p', { class: 'small', lang: 'en' }, last_error),
      h(
        'div',
        { class: 'buttons' },
        button(texts.webhookPing, async () => {
          await api.pingWebhook(id)
          return texts.webhookQueued
        }),
        dead > 0 &&
          button(texts.webhookReplay, async () =>
            texts.webhookReplayed((await api.replayWebhook(id)).replayed)
          )
      )
    )
  }
  const list = () => {
    if (fault !== undefined) return errorNote(fault, () => void load())
    if (!webhooks) return h('p', { class: 'muted' }, texts.loading)
    if (webhooks.length === 0) return h('p', { class: 'muted' }, texts.webhooksNone)
    return h('ul', { class: 'hooks' }, ...webhooks.map(item))
  }
  const render = () => box.replaceChildren(list())
  const load = async () => {
    try {
      ;[webhooks, fault] = [(await api.webhooks()).webhooks, undefined]
    } catch (error) {
      fault = error
    }
    render()
  }
  return {
    render,
    /** Reads them again. */
    load: () => {
      outcome.replaceChildren()
      render()
      void load()
    }
  }
}
