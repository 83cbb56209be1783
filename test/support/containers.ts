import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers'
import { registryAccess } from '../../infra/local/components/registry.ts'
import type { TestStack } from './stack.ts'

/**
 * The same stack from images of the real servers, where there is a Docker engine: `DAYBOOK_TEST_CONTAINERS=1 npm test`
 * runs every test against them. UNTESTED where this was written, which has no engine; kept thin for that reason.
 */
export async function startContainers(): Promise<{ readonly stack: TestStack; stop(): Promise<void> }> {
  const [kafka, registry, clickhouse, s3] = await Promise.all([
    startKafka(),
    startRegistry(),
    startClickHouse(),
    startS3(),
  ])
  const stack: TestStack = {
    kafka: { brokers: [`${kafka.getHost()}:${KAFKA_PORT}`] },
    registry: { url: `${urlOf(registry, 8080)}/apis/ccompat/v7`, auth: REGISTRY_LOGIN },
    clickhouse: { url: urlOf(clickhouse, 8123), user: 'default', password: '' },
    s3: { endpoint: urlOf(s3, 7070), region: 'us-east-1', accessKeyId: S3_KEY, secretAccessKey: S3_KEY },
  }
  const all = [kafka, registry, clickhouse, s3]
  return {
    stack,
    stop: async () => {
      await Promise.all(all.map((container) => container.stop()))
    },
  }
}

/** Clients reconnect to the address that the broker advertises, so its port is the same inside and outside. */
const KAFKA_PORT = 29_392
const S3_KEY = 'daybook-containers'
const REGISTRY_LOGIN = { username: 'registrar', password: 'daybook-containers' }

/** Only the login registers schemas, as in the local stack and in docker-compose.yml. */
function startRegistry(): Promise<StartedTestContainer> {
  return new GenericContainer('apicurio/apicurio-registry:3.0.9')
    .withExposedPorts(8080)
    .withEnvironment({ ...registryAccess(REGISTRY_LOGIN) })
    .withWaitStrategy(Wait.forListeningPorts())
    .start()
}

function startKafka(): Promise<StartedTestContainer> {
  return new GenericContainer('apache/kafka:4.1.0')
    .withExposedPorts({ container: KAFKA_PORT, host: KAFKA_PORT })
    .withEnvironment({
      KAFKA_NODE_ID: '1',
      KAFKA_PROCESS_ROLES: 'broker,controller',
      KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
      KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      KAFKA_LISTENERS: `PLAINTEXT://:${KAFKA_PORT},CONTROLLER://:9093`,
      KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://localhost:${KAFKA_PORT}`,
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
      KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS: '1000',
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
      KAFKA_MESSAGE_MAX_BYTES: '4194304',
      KAFKA_LOG_MESSAGE_TIMESTAMP_TYPE: 'LogAppendTime',
      KAFKA_OFFSETS_RETENTION_MINUTES: '43200',
    })
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
    .start()
}

function startClickHouse(): Promise<StartedTestContainer> {
  return new GenericContainer('clickhouse/clickhouse-server:26.7')
    .withExposedPorts(8123)
    .withEnvironment({ CLICKHOUSE_SKIP_USER_SETUP: '1' })
    .withWaitStrategy(Wait.forHttp('/ping', 8123))
    .start()
}

function startS3(): Promise<StartedTestContainer> {
  return new GenericContainer('versity/versitygw:v1.8.0')
    .withExposedPorts(7070)
    .withEnvironment({ ROOT_ACCESS_KEY: S3_KEY, ROOT_SECRET_KEY: S3_KEY })
    .withTmpFs({ '/data': 'rw', '/versions': 'rw' })
    .withCommand(['posix', '--versioning-dir', '/versions', '/data'])
    .withWaitStrategy(Wait.forListeningPorts())
    .start()
}

function urlOf(container: StartedTestContainer, port: number): string {
  return `http://${container.getHost()}:${container.getMappedPort(port)}`
}
