// Drives Chromium by the commands that come as lines on stdin, and answers each on stdout:
//
//	{"id":1,"do":"open","profile":"p","url":URL}          a page, whose number is the id
//	{"id":2,"do":"play","page":1,"calls":[…],"out":true}  calls to the page's SDK, waited for
//	{"id":3,"do":"leave","page":1}  {"id":4,"do":"close","page":1}  {"id":5,"do":"end","profile":"p"}
//
// A profile keeps its storage from page to page until its end. An answer is {"id":1} or has an
// "error"; "end" also tells in "strays" which requests wanted to leave this machine, none of which
// can, and in "said" what the pages printed. {"do":"posts","profile":"p"} tells in "posts" how the
// pages' posts were answered: a status, or 0 where there was no answer or the page may not read it.
// "close" tells in "cut" that Chromium may have ended the page before the page had done its last.
import readline from 'node:readline'
import { chromium } from 'playwright-core'

const browser = await chromium.launch({
  executablePath: process.env.CHROME || '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-extensions',
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
  ],
})

// Ingest marks a browser without a window as a machine.
const [major] = browser.version().split('.')
const userAgent = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) ' +
  `Chrome/${major}.0.0.0 Safari/537.36`

// Chromium waits so many milliseconds for what a closing page still does, and then ends it.
const closingPatience = 500

const profiles = new Map()
const pages = new Map()

async function newProfile() {
  const context = await browser.newContext({ userAgent })
  const profile = { context, strays: [], said: [], posts: [] }
  context.setDefaultTimeout(60_000)
  context.on('request', (request) => {
    const url = new URL(request.url())
    if (url.protocol.startsWith('http') && !['127.0.0.1', 'localhost'].includes(url.hostname)) {
      profile.strays.push(request.url())
    }
  })
  context.on('response', (response) => {
    if (response.request().method() === 'POST') profile.posts.push(response.status())
  })
  context.on('requestfailed', (request) => {
    if (request.method() === 'POST') profile.posts.push(0)
  })
  context.on('console', (line) => profile.said.push(`${line.type()}: ${line.text()}`))
  context.on('weberror', (error) => profile.said.push(`uncaught: ${error.error()}`))
  return profile
}

const commands = {
  async open({ id, profile, url }) {
    if (!profiles.has(profile)) profiles.set(profile, newProfile())
    const { context } = await profiles.get(profile)
    const page = await context.newPage()
    pages.set(id, page)
    await page.goto(url)
    await page.waitForFunction(() => window.play)
  },
  async play({ page, calls, out }) {
    await pages.get(page).evaluate(([all, wait]) => window.play(all ?? [], wait), [calls, out])
  },
  async leave({ page }) {
    await pages.get(page).goto('about:blank')
  },
  async close({ page }) {
    const began = performance.now()
    await pages.get(page).close()
    pages.delete(page)
    return { cut: performance.now() - began >= closingPatience }
  },
  async posts({ profile }) {
    const { posts } = await profiles.get(profile)
    return { posts }
  },
  async end({ profile }) {
    const { context, strays, said } = await profiles.get(profile)
    profiles.delete(profile)
    await context.close()
    return { strays, said }
  },
}

async function answer(line) {
  const command = JSON.parse(line)
  try {
    const told = await commands[command.do](command)
    console.log(JSON.stringify({ id: command.id, ...told }))
  } catch (error) {
    console.log(JSON.stringify({ id: command.id, error: String(error) }))
  }
}

const lines = readline.createInterface({ input: process.stdin })
lines.on('line', answer)
lines.on('close', async () => {
  await browser.close()
  process.exit(0)
})
console.log(JSON.stringify({ id: 0 }))
