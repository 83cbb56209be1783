import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Kafka's own client, to compare with. Arguments: brokers, `id`, topic; or brokers, `produce`, count, `codec=topic`…. */
public class JavaClient {
  public static void main(String[] args) throws Exception {
    if (args[1].equals("id")) id(args[0], args[2]);
    for (int i = 3; i < args.length; i++) {
      String[] pair = args[i].split("=");
      produce(args[0], pair[1], pair[0], Integer.parseInt(args[2]));
    }
  }

  private static void id(String brokers, String topic) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers))) {
      System.out.println(admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).topicId());
    }
  }

  /** One batch of records `v<i>-` and i % 300 times the letter x; every tenth is a tombstone, every third has a header. */
  private static void produce(String brokers, String topic, String codec, int count) throws Exception {
    Properties config = new Properties();
    config.put("bootstrap.servers", brokers);
    config.put("compression.type", codec);
    config.put("linger.ms", "500");
    config.put("batch.size", "4000000");
    config.put("acks", "all");
    try (var producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
      for (int i = 0; i < count; i++) {
        byte[] value = i % 10 == 9 ? null : ("v" + i + "-" + "x".repeat(i % 300)).getBytes();
        var record = new ProducerRecord<>(topic, 0, ("k" + i).getBytes(), value);
        if (i % 3 == 0) record.headers().add("h", "header".getBytes());
        producer.send(record);
      }
    }
  }
}
