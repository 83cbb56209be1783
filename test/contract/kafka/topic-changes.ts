import { setTimeout as pause } from 'node:timers/promises'
import { createTopic, type TestBroker } from './broker.ts'

/** Deletes a topic where it exists, and makes it anew under the same name. */
export async function remake(broker: TestBroker, topic: string, partitions = 1): Promise<void> {
  await drop(broker, topic)
  for (;;) {
    try {
      await createTopic(broker.admin, topic, partitions, { 'message.timestamp.type': 'LogAppendTime' })
      return
    } catch {
      await pause(50)
    }
  }
}

export async function drop({ admin }: TestBroker, topic: string): Promise<void> {
  if ((await admin.listTopics()).includes(topic)) await admin.deleteTopics({ topics: [topic] })
}
