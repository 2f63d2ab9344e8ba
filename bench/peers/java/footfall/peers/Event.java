package footfall.peers;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.time.DateTimeException;
import java.time.OffsetDateTime;
import java.util.Set;

/**
 * The fields of a Segment event that a visit needs, read from its bytes with Jackson's streaming parser:
 * everything else is skipped. (A class with public fields and an empty constructor is what Flink calls a POJO.)
 */
public class Event {
    private static final JsonFactory JSON = new JsonFactory();
    private static final Set<String> OTHER_TYPES = Set.of("identify", "alias", "group");
    private static final int LONGEST_ID = 200;

    public String person;
    /** The name of a track event, else "". */
    public String name;
    public boolean page;
    public long timeMs;
    /** The input partition it came by. */
    public int partition;

    public Event() {}

    /** What is wrong with a record that is not an event. */
    public static class Bad extends IOException {
        Bad(String message) {
            super(message);
        }
    }

    /** @throws IOException when it is not JSON ({@code JsonParseException}) or not an event ({@link Bad}) */
    public static Event read(byte[] json) throws IOException {
        if (json == null) {
            throw new Bad("no value");
        }
        String messageId = null;
        String type = null;
        String userId = null;
        String anonymousId = null;
        String name = null;
        long timeMs = Long.MIN_VALUE;
        try (JsonParser parser = JSON.createParser(json)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new Bad("not an object");
            }
            String field;
            while ((field = parser.nextFieldName()) != null) {
                switch (field) {
                    case "messageId" -> messageId = text(parser, field);
                    case "type" -> type = text(parser, field);
                    case "userId" -> userId = text(parser, field);
                    case "anonymousId" -> anonymousId = text(parser, field);
                    case "event" -> name = text(parser, field);
                    case "timestamp" -> timeMs = time(parser);
                    default -> {
                        parser.nextToken();
                        parser.skipChildren();
                    }
                }
            }
            if (parser.nextToken() != null) {
                throw new Bad("more than one object");
            }
        }
        if (messageId == null || messageId.isEmpty() || messageId.length() > LONGEST_ID) {
            throw new Bad("messageId");
        }
        if (timeMs == Long.MIN_VALUE) {
            throw new Bad("no timestamp");
        }
        Event event = new Event();
        event.timeMs = timeMs;
        event.person = person(userId, anonymousId);
        event.page = "page".equals(type) || "screen".equals(type);
        if ("track".equals(type)) {
            if (name == null) {
                throw new Bad("a track without a name");
            }
            event.name = name;
        } else if (event.page || OTHER_TYPES.contains(type == null ? "" : type)) {
            event.name = "";
        } else {
            throw new Bad("type " + type);
        }
        return event;
    }

    private static String person(String userId, String anonymousId) throws Bad {
        if ("".equals(userId) || "".equals(anonymousId) || (userId == null && anonymousId == null)) {
            throw new Bad("no person");
        }
        if (userId == null) {
            return "anonymous:" + anonymousId;
        }
        if (userId.startsWith("anonymous:")) {
            throw new Bad("userId");
        }
        return userId;
    }

    private static String text(JsonParser parser, String field) throws IOException {
        JsonToken token = parser.nextToken();
        if (token == JsonToken.VALUE_STRING) {
            return parser.getText();
        }
        if (token == JsonToken.VALUE_NULL) {
            return null;
        }
        throw new Bad(field + " is not a string");
    }

    private static long time(JsonParser parser) throws IOException {
        JsonToken token = parser.nextToken();
        if (token == JsonToken.VALUE_NUMBER_INT) {
            return parser.getLongValue();
        }
        if (token == JsonToken.VALUE_STRING) {
            try {
                return OffsetDateTime.parse(parser.getText()).toInstant().toEpochMilli();
            } catch (DateTimeException e) {
                throw new Bad("timestamp " + parser.getText());
            }
        }
        throw new Bad("timestamp");
    }
}
