package footfall.peers;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What a run is told on its command line, as {@code --name value} pairs; {@code --key-event} may come several times. */
public record Job(
        String bootstrap,
        String input,
        String output,
        String group,
        String stateDir,
        List<String> keyEvents,
        long gapMs,
        long latenessMs) {

    public static Job parse(String[] args) {
        Map<String, String> options = new HashMap<>();
        List<String> keyEvents = new java.util.ArrayList<>();
        for (int i = 0; i + 1 < args.length; i += 2) {
            if (args[i].equals("--key-event")) {
                keyEvents.add(args[i + 1]);
            } else {
                options.put(args[i], args[i + 1]);
            }
        }
        return new Job(
                need(options, "--bootstrap"),
                need(options, "--input"),
                need(options, "--output"),
                need(options, "--group"),
                need(options, "--state-dir"),
                List.copyOf(keyEvents),
                Long.parseLong(need(options, "--gap-ms")),
                Long.parseLong(need(options, "--lateness-ms")));
    }

    private static String need(Map<String, String> options, String name) {
        String value = options.get(name);
        if (value == null) {
            throw new IllegalArgumentException(name + " is missing");
        }
        return value;
    }
}
