import { driveTraffic } from './traffic.ts'

/** `node src/drive.ts <url> <rounds>`: prints how many requests were answered. */
const [url = '', rounds = '1'] = process.argv.slice(2)
process.stdout.write(`${await driveTraffic({ url, rounds: Number(rounds) })}\n`)
