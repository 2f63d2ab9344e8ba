package footfall.peers;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.LogAndContinueExceptionHandler;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.Suppressed.BufferConfig;
import org.apache.kafka.streams.processor.TimestampExtractor;
import org.apache.kafka.streams.state.SessionStore;

/** Visits of persons from their events: session windows of Kafka Streams, published when they close. */
public class Main {

    public static void main(String[] args) throws InterruptedException {
        Job job = Job.parse(args);
        KafkaStreams streams = new KafkaStreams(topology(job), config(job));
        CountDownLatch closed = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            streams.close();
            closed.countDown();
        }));
        streams.start();
        closed.await();
    }

    static Properties config(Job job) {
        Properties config = new Properties();
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, job.group());
        config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, job.bootstrap());
        config.put(StreamsConfig.STATE_DIR_CONFIG, job.stateDir());
        config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1000);
        config.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, Runtime.getRuntime().availableProcessors());
        config.put(StreamsConfig.DESERIALIZATION_EXCEPTION_HANDLER_CLASS_CONFIG, LogAndContinueExceptionHandler.class);
        return config;
    }

    static Topology topology(Job job) {
        List<String> names = job.keyEvents();
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(job.input(), Consumed.with(Serdes.String(), events()).withTimestampExtractor(new EventTime()))
                .groupByKey()
                .windowedBy(SessionWindows.ofInactivityGapAndGrace(
                        Duration.ofMillis(job.gapMs()), Duration.ofMillis(job.latenessMs())))
                .aggregate(
                        () -> new Visit(names.size()),
                        (person, event, visit) -> visit.add(event, names),
                        (person, one, other) -> one.merge(other),
                        Materialized.<String, Visit, SessionStore<Bytes, byte[]>>as("visits")
                                .withKeySerde(Serdes.String())
                                .withValueSerde(visits(names.size())))
                .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded()).withName("closed-visits"))
                .toStream()
                .map((window, visit) -> KeyValue.pair(
                        window.key(),
                        visit.toJson(window.key(), window.window().start(), window.window().end(), names)))
                .to(job.output(), Produced.with(Serdes.String(), Serdes.ByteArray()));
        return builder.build();
    }

    static class EventTime implements TimestampExtractor {
        @Override
        public long extract(ConsumerRecord<Object, Object> record, long partitionTime) {
            return ((Event) record.value()).timeMs;
        }
    }

    private static Serde<Event> events() {
        return Serdes.serdeFrom(
                (topic, event) -> {
                    throw new UnsupportedOperationException("events are only read");
                },
                (topic, bytes) -> {
                    try {
                        return Event.read(bytes);
                    } catch (IOException e) {
                        throw new SerializationException(e.getMessage());
                    }
                });
    }

    private static Serde<Visit> visits(int names) {
        return Serdes.serdeFrom(
                (topic, visit) -> {
                    if (visit == null) {
                        return null;
                    }
                    ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES * (2 + names));
                    bytes.putInt(visit.events).putInt(visit.pages);
                    for (int count : visit.keyEvents) {
                        bytes.putInt(count);
                    }
                    return bytes.array();
                },
                (topic, bytes) -> {
                    if (bytes == null) {
                        return null;
                    }
                    ByteBuffer buffer = ByteBuffer.wrap(bytes);
                    Visit visit = new Visit(names);
                    visit.events = buffer.getInt();
                    visit.pages = buffer.getInt();
                    for (int i = 0; i < names; i++) {
                        visit.keyEvents[i] = buffer.getInt();
                    }
                    return visit;
                });
    }
}
