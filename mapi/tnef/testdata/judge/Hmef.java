// Reads one TNEF file with Apache POI HMEF and prints a line for each
// attachment: length and SHA-256 of its content.
import java.io.FileInputStream;
import java.security.MessageDigest;
import org.apache.poi.hmef.*;

public class Hmef {
  public static void main(String[] args) throws Exception {
    HMEFMessage m = new HMEFMessage(new FileInputStream(args[0]));
    for (Attachment a : m.getAttachments()) {
      byte[] data;
      try {
        data = a.getContents();
      } catch (IllegalArgumentException e) { // it has none
        continue;
      }
      StringBuilder b = new StringBuilder();
      for (byte x : MessageDigest.getInstance("SHA-256").digest(data)) b.append(String.format("%02x", x));
      // An object has its interface identifier in front.
      StringBuilder c = new StringBuilder();
      byte[] rest = data.length > 16 ? java.util.Arrays.copyOfRange(data, 16, data.length) : data;
      for (byte x : MessageDigest.getInstance("SHA-256").digest(rest)) c.append(String.format("%02x", x));
      System.out.println(data.length + " " + b + " " + c);
    }
  }
}
