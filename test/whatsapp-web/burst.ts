import { setTimeout as delay } from 'node:timers/promises'
import type { Phone } from './phone.ts'

/**
 * Many texts from many leads at a steady rate. @returns their ids in the order they were written
 */
export const burst = async (
  phone: Pick<Phone, 'text'>,
  about: {
    count: number
    perSecond: number
    chats?: number
    text?: string
    prefix?: string
    onSent?: (id: string) => void
  }
): Promise<string[]> => {
  const { count, perSecond, chats = 10, text = 'message', prefix = '5215540', onSent } = about
  const ids: string[] = []
  const started = performance.now()
  for (;;) {
    // by the clock, so that a busy machine does not slow the rate down
    const due = Math.min(count, Math.floor(((performance.now() - started) / 1_000) * perSecond) + 1)
    while (ids.length < due) {
      const lead = ids.length % chats
      const { id } = phone.text({
        from: `${prefix}${String(lead).padStart(6, '0')}`,
        name: `Lead ${lead}`,
        text: `${text} ${ids.length}`
      })
      ids.push(id)
      onSent?.(id)
    }
    if (ids.length === count) return ids
    await delay(5)
  }
}
