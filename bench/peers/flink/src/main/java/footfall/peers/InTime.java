package footfall.peers;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.functions.FilterFunction;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;

/**
 * Drops what is late for its own input partition.
 *
 * <p>A window drops what is late for the watermark that has arrived there: the least of all partitions', sent every
 * 200 ms. While a backlog is read, that is hours of event time behind, and how far is a matter of luck.
 */
class InTime implements FilterFunction<Event>, CheckpointedFunction {
    private final long latenessMs;
    private final Map<Integer, Long> newest = new HashMap<>();
    private transient ListState<Tuple2<Integer, Long>> saved;

    InTime(long latenessMs) {
        this.latenessMs = latenessMs;
    }

    @Override
    public boolean filter(Event event) {
        long newestMs = newest.merge(event.partition, event.timeMs, Math::max);
        return event.timeMs >= newestMs - latenessMs;
    }

    @Override
    public void initializeState(FunctionInitializationContext context) throws Exception {
        // A union, because partitions need not come back to the instance that had them.
        saved = context.getOperatorStateStore()
                .getUnionListState(new ListStateDescriptor<>("newest", Types.TUPLE(Types.INT, Types.LONG)));
        for (Tuple2<Integer, Long> partition : saved.get()) {
            newest.merge(partition.f0, partition.f1, Math::max);
        }
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) throws Exception {
        saved.clear();
        for (Map.Entry<Integer, Long> partition : newest.entrySet()) {
            saved.add(Tuple2.of(partition.getKey(), partition.getValue()));
        }
    }
}
