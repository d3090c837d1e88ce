import t, { type Test } from 'tap'
import type { MediaUrl } from '../../src/contract/lead.ts'
import { apiToken, ask } from '../end-to-end/daemon.ts'
import { ana } from './ana.ts'
import { serveOtherOrigin } from './other-origin.ts'
import { inPage, launch, openPage } from './page.ts'
import { storeFile, storePhoto } from './picture.ts'
import { from, leadOf, startRig } from './rig.ts'

/**
 * Media in a page of another site, by their signed URLs: what that page's own elements make of them
 * in Chromium.
 */

/** An empty page of another site: the hub is at 127.0.0.1, and this one at localhost. */
const serveOtherSite = async (t: Test): Promise<string> => {
  const origin = await serveOtherOrigin(t, (_req, res) => {
    res
      .writeHead(200, { 'content-type': 'text/html' })
      .end('<!doctype html><html lang="en"><title>CRM</title>')
  })
  return origin.replace('127.0.0.1', 'localhost')
}

const sampleRate = 8_000

/** Silence as a WAV file: 8 bits, one channel. http://soundfile.sapp.org/doc/WaveFormat/ */
const silence = (seconds: number): Buffer => {
  const samples = Buffer.alloc(seconds * sampleRate, 0x80)
  const head = Buffer.alloc(44)
  head.write('RIFF', 0)
  head.writeUInt32LE(36 + samples.length, 4)
  head.write('WAVEfmt ', 8)
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(1, 22)
  head.writeUInt32LE(sampleRate, 24)
  head.writeUInt32LE(sampleRate, 28)
  head.writeUInt16LE(1, 32)
  head.writeUInt16LE(8, 34)
  head.write('data', 36)
  head.writeUInt32LE(samples.length, 40)
  return Buffer.concat([head, samples])
}

/** Script: the width of the picture at this address, 0 when it cannot be shown. */
const widthOf = (url: string): string => `new Promise((resolve) => {
  const image = new Image()
  image.onload = () => resolve(image.naturalWidth)
  image.onerror = () => resolve(0)
  image.src = ${JSON.stringify(url)}
})`

/**
 * Script: the first pixel's opacity, read by a canvas; it throws where the page may not read the
 * picture.
 */
const pixelOf = (url: string): string => `(async () => {
  const image = new Image()
  image.crossOrigin = 'anonymous'
  image.src = ${JSON.stringify(url)}
  await image.decode()
  const context = document.createElement('canvas').getContext('2d')
  context.drawImage(image, 0, 0)
  return context.getImageData(0, 0, 1, 1).data[3]
})()`

/**
 * Script: plays nothing, but goes to this second of the recording. Gives its length and where it is
 * then.
 */
const seekTo = (url: string, second: number): string => `new Promise((resolve, reject) => {
  const audio = new Audio()
  audio.preload = 'metadata'
  audio.onerror = () => reject(new Error(audio.error.message))
  audio.onloadedmetadata = () => { audio.currentTime = ${second} }
  audio.onseeked = () => resolve([audio.duration, audio.currentTime])
  audio.src = ${JSON.stringify(url)}
})`

t.test(
  'a page of another site shows and seeks media by signed URLs, until they are deleted',
  async (t) => {
    const rig = await startRig(t)
    const photo = from(ana, 'photo', 60, {
      name: 'Ana',
      type: 'image',
      has_media: true,
      media: storePhoto(rig.upstream.mediaDirectory, 320, 200)
    })
    const voice = from(ana, '', 30, {
      name: 'Ana',
      type: 'ptt',
      has_media: true,
      media: storeFile(rig.upstream.mediaDirectory, silence(60), 'audio/wav')
    })
    rig.upstream.journal.append([photo, voice], 'live')
    const lead = await leadOf(rig.url, ana)
    const page = await openPage(t, await launch(t), await serveOtherSite(t))

    const signedUrl = async (id: string, expiresIn = 600): Promise<string> => {
      const path = `/api/messages/${encodeURIComponent(id)}/media-url?expires_in=${expiresIn}`
      const { body } = await ask<MediaUrl>(rig.url + path, apiToken)
      return new URL(body.url, rig.url).href
    }
    const photoUrl = await signedUrl(photo.message.id)
    const voiceUrl = await signedUrl(voice.message.id)
    // Not shown before the deletion, so that the browser's cache does not have it.
    const unusedUrl = await signedUrl(photo.message.id, 300)

    t.equal(await inPage(page, widthOf(photoUrl)), 320)
    t.equal(await inPage(page, pixelOf(photoUrl)), 255, 'the page may read its pixels')
    t.same(await inPage(page, seekTo(voiceUrl, 45)), [60, 45])
    t.equal(
      await inPage(page, widthOf(photoUrl.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')))),
      0,
      'another signature'
    )
    const withToken = `${rig.url}/api/messages/${encodeURIComponent(photo.message.id)}/media`
    t.equal(await inPage(page, widthOf(withToken)), 0, 'the address that needs the token')

    await ask(`${rig.url}/api/leads/${lead.id}`, apiToken, { method: 'DELETE' })
    t.equal(await inPage(page, widthOf(unusedUrl)), 0, 'a deleted photo')
  }
)
