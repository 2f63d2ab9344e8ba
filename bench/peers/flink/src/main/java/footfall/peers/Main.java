package footfall.peers;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.TransactionNamingStrategy;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.metrics.Counter;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.EventTimeSessionWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** Visits of persons from their events: event-time session windows of Flink, in a cluster in this process. */
public class Main {

    public static void main(String[] args) throws Exception {
        Job job = Job.parse(args);
        List<String> names = job.keyEvents();

        Configuration config = new Configuration();
        config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofSeconds(1));
        config.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
        config.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, Path.of(job.stateDir()).toUri() + "checkpoints");
        config.set(CoreOptions.TMP_DIRS, job.stateDir());

        // Outside a cluster this is one in this process; its parallelism is the number of cores that it may use.
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(config);

        KafkaSource<Event> source = KafkaSource.<Event>builder()
                .setBootstrapServers(job.bootstrap())
                .setTopics(job.input())
                .setGroupId(job.group())
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setDeserializer(new Events())
                .build();
        KafkaSink<Tuple2<String, byte[]>> sink = KafkaSink.<Tuple2<String, byte[]>>builder()
                .setBootstrapServers(job.bootstrap())
                .setRecordSerializer(KafkaRecordSerializationSchema.<Tuple2<String, byte[]>>builder()
                        .setTopic(job.output())
                        .setKeySerializationSchema(new Key())
                        .setValueSerializationSchema(new Value())
                        .build())
                .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
                .setTransactionalIdPrefix(job.group())
                .setTransactionNamingStrategy(TransactionNamingStrategy.POOLING)
                .setProperty("transaction.timeout.ms", "600000")
                .build();

        // A millisecond more: a visit closes when the watermark is strictly past its end.
        var times = WatermarkStrategy.<Event>forBoundedOutOfOrderness(Duration.ofMillis(job.latenessMs() + 1))
                .withTimestampAssigner((event, recordMs) -> event.timeMs);
        env.fromSource(source, times, "events")
                .uid("events")
                .filter(new InTime(job.latenessMs()))
                .name("in time")
                .uid("in-time")
                .keyBy(event -> event.person)
                .window(EventTimeSessionWindows.withGap(Duration.ofMillis(job.gapMs())))
                .aggregate(new Counts(names), new Closed(names, job.gapMs()))
                .name("visits")
                .uid("visits")
                .sinkTo(sink)
                .name("closed visits")
                .uid("closed-visits");
        env.execute("visits");
    }

    /** Events from records; those that are none are counted. */
    static class Events implements KafkaRecordDeserializationSchema<Event> {
        private transient Counter bad;

        @Override
        public void open(DeserializationSchema.InitializationContext context) {
            bad = context.getMetricGroup().counter("bad");
        }

        @Override
        public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Event> out) {
            Event event;
            try {
                event = Event.read(record.value());
            } catch (IOException e) {
                bad.inc();
                return;
            }
            event.partition = record.partition();
            out.collect(event);
        }

        @Override
        public TypeInformation<Event> getProducedType() {
            return TypeInformation.of(Event.class);
        }
    }

    static class Counts implements AggregateFunction<Event, Visit, Visit> {
        private final List<String> names;

        Counts(List<String> names) {
            this.names = names;
        }

        @Override
        public Visit createAccumulator() {
            return new Visit(names.size());
        }

        @Override
        public Visit add(Event event, Visit visit) {
            return visit.add(event, names);
        }

        @Override
        public Visit merge(Visit one, Visit other) {
            return one.merge(other);
        }

        @Override
        public Visit getResult(Visit visit) {
            return visit;
        }
    }

    /** A closed visit's output record, as key and value; its window ends a gap after its last event. */
    static class Closed extends ProcessWindowFunction<Visit, Tuple2<String, byte[]>, String, TimeWindow> {
        private final List<String> names;
        private final long gapMs;

        Closed(List<String> names, long gapMs) {
            this.names = names;
            this.gapMs = gapMs;
        }

        @Override
        public void process(
                String person, Context context, Iterable<Visit> visits, Collector<Tuple2<String, byte[]>> out) {
            TimeWindow window = context.window();
            for (Visit visit : visits) {
                byte[] json = visit.toJson(person, window.getStart(), window.getEnd() - gapMs, names);
                out.collect(Tuple2.of(person, json));
            }
        }
    }

    static class Key implements SerializationSchema<Tuple2<String, byte[]>> {
        @Override
        public byte[] serialize(Tuple2<String, byte[]> visit) {
            return visit.f0.getBytes(StandardCharsets.UTF_8);
        }
    }

    static class Value implements SerializationSchema<Tuple2<String, byte[]>> {
        @Override
        public byte[] serialize(Tuple2<String, byte[]> visit) {
            return visit.f1;
        }
    }
}
