package footfall.peers;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;

/** What is counted of a visit: events, pages, and each key event by its place in the job's list of names. */
public class Visit {
    private static final JsonFactory JSON = new JsonFactory();

    public int events;
    public int pages;
    public int[] keyEvents;

    public Visit() {}

    public Visit(int names) {
        keyEvents = new int[names];
    }

    public Visit add(Event event, List<String> names) {
        events++;
        if (event.page) {
            pages++;
        } else {
            int place = names.indexOf(event.name);
            if (place >= 0) {
                keyEvents[place]++;
            }
        }
        return this;
    }

    public Visit merge(Visit other) {
        events += other.events;
        pages += other.pages;
        for (int i = 0; i < keyEvents.length; i++) {
            keyEvents[i] += other.keyEvents[i];
        }
        return this;
    }

    /** The record of the output topic; {@code end} is the time of the last event. */
    public byte[] toJson(String person, long start, long end, List<String> names) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
        try (JsonGenerator json = JSON.createGenerator(bytes)) {
            json.writeStartObject();
            json.writeStringField("person", person);
            json.writeNumberField("start", start);
            json.writeNumberField("end", end);
            json.writeNumberField("events", events);
            json.writeNumberField("pages", pages);
            json.writeObjectFieldStart("key_events");
            for (int i = 0; i < keyEvents.length; i++) {
                if (keyEvents[i] > 0) {
                    json.writeNumberField(names.get(i), keyEvents[i]);
                }
            }
            json.writeEndObject();
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }
}
