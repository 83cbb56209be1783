package org.apache.kafka.clients.consumer.internals;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.MutableRecordBatch;
import org.apache.kafka.common.record.Record;
import org.apache.kafka.common.record.RecordBatch;
import org.apache.kafka.common.record.SimpleRecord;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.utils.BufferSupplier;
import org.apache.kafka.common.utils.LogContext;

/**
 * What Kafka's own consumer makes of record batches: its fetcher's class for one partition of one answer (which is why
 * this stands in its package), read-committed, with checksums on. Argument: how many batches to make of each codec.
 * First writes those; then answers each request on standard input. All numbers are big-endian.
 */
public class BatchReader {
  private static final TopicPartition PARTITION = new TopicPartition("t", 0);
  private static final int REFUSED = 0, READ = 1, LEFT_OUT = 2;
  private static final Metrics METRICS = new Metrics();
  private static final Deserializers<byte[], byte[]> BYTES =
      new Deserializers<>(new ByteArrayDeserializer(), new ByteArrayDeserializer(), METRICS);
  private static final SubscriptionState NOTHING =
      new SubscriptionState(new LogContext(), AutoOffsetResetStrategy.NONE);
  private static final FetchConfig CONFIG =
      new FetchConfig(1, 1 << 30, 0, 1 << 30, 1 << 30, true, "", IsolationLevel.READ_COMMITTED);
  private static final FetchMetricsAggregator UNMEASURED =
      new FetchMetricsAggregator(null, Set.of()) {
        @Override
        void record(TopicPartition partition, int bytes, int records) {}
      };

  public static void main(String[] args) throws IOException {
    var in = new DataInputStream(new BufferedInputStream(System.in, 1 << 16));
    var out = new DataOutputStream(new BufferedOutputStream(System.out, 1 << 16));
    for (ByteBuffer batch : made(Integer.parseInt(args[0]))) {
      out.writeInt(batch.remaining());
      out.write(batch.array(), batch.arrayOffset() + batch.position(), batch.remaining());
    }
    out.flush();
    while (true) {
      if (in.available() == 0) out.flush();
      int size;
      try {
        size = in.readInt();
      } catch (EOFException end) {
        break;
      }
      byte[] answer = answer(ByteBuffer.wrap(in.readNBytes(size)));
      out.writeInt(answer.length);
      out.write(answer);
    }
    out.flush();
  }

  /** Request: offset to read from, number of aborted transactions, their producer ids and first offsets, batches. */
  private static byte[] answer(ByteBuffer request) throws IOException {
    long from = request.getLong();
    var aborted = new ArrayList<FetchResponseData.AbortedTransaction>();
    for (int left = request.getInt(); left > 0; left--)
      aborted.add(
          new FetchResponseData.AbortedTransaction().setProducerId(request.getLong()).setFirstOffset(request.getLong()));
    var bytes = new ByteArrayOutputStream();
    var out = new DataOutputStream(bytes);
    ByteBuffer batches = request.slice();
    try {
      List<ConsumerRecord<byte[], byte[]>> records = read(batches.duplicate(), from, aborted);
      out.writeByte(aborted.isEmpty() && leavesOut(batches.duplicate()) ? LEFT_OUT : READ);
      out.writeInt(records.size());
      for (var record : records) write(out, record);
    } catch (Throwable refusal) {
      bytes.reset();
      out.writeByte(REFUSED);
      Throwable cause = refusal.getCause() == null ? refusal : refusal.getCause();
      out.write(String.valueOf(cause).getBytes(StandardCharsets.UTF_8));
    }
    return bytes.toByteArray();
  }

  private static List<ConsumerRecord<byte[], byte[]>> read(
      ByteBuffer batches, long from, List<FetchResponseData.AbortedTransaction> aborted) {
    var partition =
        new FetchResponseData.PartitionData()
            .setRecords(MemoryRecords.readableRecords(batches))
            .setAbortedTransactions(aborted);
    var logger = new LogContext().logger(BatchReader.class);
    var fetch = new CompletedFetch(logger, NOTHING, BufferSupplier.create(), PARTITION, partition, UNMEASURED, from);
    var all = new ArrayList<ConsumerRecord<byte[], byte[]>>();
    while (!fetch.isConsumed()) all.addAll(fetch.fetchRecords(CONFIG, BYTES, Integer.MAX_VALUE));
    return all;
  }

  /** Whether a batch holds records whose offsets do not rise or lie outside it: the consumer passes over some. */
  private static boolean leavesOut(ByteBuffer batches) {
    for (MutableRecordBatch batch : MemoryRecords.readableRecords(batches).batches()) {
      long previous = batch.baseOffset() - 1;
      try (var records = batch.streamingIterator(BufferSupplier.NO_CACHING)) {
        while (records.hasNext()) {
          Record record = records.next();
          if (record.offset() <= previous || record.offset() > batch.lastOffset()) return true;
          previous = record.offset();
        }
      }
    }
    return false;
  }

  private static void write(DataOutputStream out, ConsumerRecord<byte[], byte[]> record) throws IOException {
    out.writeLong(record.offset());
    out.writeLong(record.timestamp());
    out.writeByte(record.timestampType() == TimestampType.CREATE_TIME ? 1 : 0);
    write(out, record.key());
    write(out, record.value());
    Header[] headers = record.headers().toArray();
    out.writeInt(headers.length);
    for (Header header : headers) {
      write(out, header.key().getBytes(StandardCharsets.UTF_8));
      write(out, header.value());
    }
  }

  private static void write(DataOutputStream out, byte[] bytes) throws IOException {
    out.writeInt(bytes == null ? -1 : bytes.length);
    if (bytes != null) out.write(bytes);
  }

  private static List<ByteBuffer> made(int each) {
    var random = new Random(each);
    var made = new ArrayList<ByteBuffer>();
    for (CompressionType codec : CompressionType.values()) {
      for (int i = 0; i < each; i++) {
        var records = new SimpleRecord[1 + random.nextInt(i % 8 == 0 ? 2_000 : 12)];
        for (int at = 0; at < records.length; at++) records[at] = record(random);
        var type = i % 2 == 0 ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME;
        var compression = Compression.of(codec).build();
        made.add(MemoryRecords.withRecords(RecordBatch.MAGIC_VALUE_V2, 0L, compression, type, records).buffer());
      }
    }
    return made;
  }

  private static SimpleRecord record(Random random) {
    byte[] key = random.nextInt(4) == 0 ? null : ("key-" + random.nextInt(9)).getBytes();
    byte[] value = random.nextInt(8) == 0 ? null : ("value " + random.nextInt(99) + " ").repeat(random.nextInt(9)).getBytes();
    var headers = new Header[random.nextInt(3)];
    for (int i = 0; i < headers.length; i++)
      headers[i] = new RecordHeader("h" + i, random.nextInt(3) == 0 ? null : new byte[random.nextInt(9)]);
    return new SimpleRecord(1_700_000_000_000L + random.nextInt(9_999), key, value, headers);
  }
}
