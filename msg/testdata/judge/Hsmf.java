import java.io.File;
import org.apache.poi.hsmf.MAPIMessage;
import org.apache.poi.hsmf.datatypes.AttachmentChunks;

/**
 * Prints one line for each .msg file named in the arguments, as Apache POI HSMF
 * reads it: subject, sender, display-to, class, length of the text, number of
 * recipients, attachments with their sizes, subjects of embedded messages.
 */
public class Hsmf {
    interface Field {
        Object get() throws Exception;
    }

    static String show(Field f) {
        try {
            return ("" + f.get()).replace('\n', ' ').replace('\r', ' ');
        } catch (Exception e) {
            return "(" + e.getClass().getSimpleName() + ")";
        }
    }

    public static void main(String[] names) {
        for (String name : names) {
            try (MAPIMessage m = new MAPIMessage(new File(name))) {
                m.setReturnNullOnMissingChunk(true);
                StringBuilder b = new StringBuilder();
                b.append(show(m::getSubject)).append('|').append(show(m::getDisplayFrom)).append('|');
                b.append(show(m::getDisplayTo)).append('|').append(show(m::getMessageClassEnum)).append('|');
                b.append(show(() -> m.getTextBody().length())).append('|').append(m.getRecipientDetailsChunks().length);
                for (AttachmentChunks a : m.getAttachmentFiles()) {
                    b.append('|').append(a.getAttachLongFileName()).append(':');
                    b.append(a.getAttachData() == null ? -1 : a.getAttachData().getValue().length);
                    if (a.isEmbeddedMessage()) {
                        MAPIMessage e = a.getEmbeddedMessage();
                        e.setReturnNullOnMissingChunk(true);
                        b.append('[').append(show(e::getSubject)).append(']');
                    }
                }
                System.out.println(b);
            } catch (Throwable e) {
                System.out.println("cannot be read: " + e.getClass().getSimpleName());
            }
        }
    }
}
