import kafkajs, { type Admin } from 'kafkajs'

const SET_FOR_TOPIC = 1
const POLL_MS = 100

/** Changes settings of a topic and leaves its others as they are; null takes one away. Gives what sets all back. */
export async function alterTopic(
  admin: Admin,
  topic: string,
  changes: Readonly<Record<string, string | null>>,
): Promise<() => Promise<void>> {
  const before = await settingsOf(admin, topic)
  const after = new Map(before)
  for (const [name, value] of Object.entries(changes))
    if (value === null) after.delete(name)
    else after.set(name, value)
  await setAll(admin, topic, after)
  return () => setAll(admin, topic, before)
}

async function settingsOf(admin: Admin, topic: string): Promise<ReadonlyMap<string, string>> {
  const { resources } = await admin.describeConfigs({
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }],
    includeSynonyms: false,
  })
  const own = resources[0]?.configEntries.filter(({ configSource }) => configSource === SET_FOR_TOPIC)
  return new Map(own?.map(({ configName, configValue }) => [configName, configValue]))
}

async function setAll(admin: Admin, topic: string, settings: ReadonlyMap<string, string>): Promise<void> {
  const configEntries = [...settings].map(([name, value]) => ({ name, value }))
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries }],
  })
}

/** Deletes a topic; resolves when the broker knows it no more. */
export async function deleteTopic(admin: Admin, topic: string): Promise<void> {
  await admin.deleteTopics({ topics: [topic] })
  while ((await admin.listTopics()).includes(topic))
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
}
