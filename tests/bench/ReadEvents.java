import footfall.peers.Event;
import footfall.peers.Visit;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Scanner;

/** For each line of Base64 what the peers read out of it; at last the visit that all sound events would be. */
public class ReadEvents {
    public static void main(String[] names) {
        List<String> keyEvents = List.of(names);
        Visit visit = new Visit(keyEvents.size());
        Visit other = new Visit(keyEvents.size());
        Scanner lines = new Scanner(System.in);
        while (lines.hasNextLine()) {
            byte[] value = Base64.getDecoder().decode(lines.nextLine());
            try {
                Event event = Event.read(value);
                System.out.println(event.person + "|" + event.name + "|" + event.page + "|" + event.timeMs);
                other.add(event, keyEvents);
                Visit last = visit;
                visit = other;
                other = last;
            } catch (IOException e) {
                System.out.println("bad");
            }
        }
        byte[] json = visit.merge(other).toJson("usr_\"1\"", 1, 2, keyEvents);
        System.out.println(new String(json, StandardCharsets.UTF_8));
    }
}
