// Reads .msg files named on standard input with Apache POI HSMF and prints a
// line of JSON for each: what an independent reader sees in them.
//
//   java -cp '/usr/share/java/*' ReadMsg.java < names
import java.io.*;
import java.security.MessageDigest;
import java.util.*;
import org.apache.poi.hsmf.MAPIMessage;
import org.apache.poi.hsmf.datatypes.*;

public class ReadMsg {
  static String quote(String s) {
    if (s == null) return "null";
    StringBuilder b = new StringBuilder("\"");
    for (char c : s.toCharArray()) {
      if (c == '"' || c == '\\') b.append('\\').append(c);
      else if (c < 0x20 || c > 0x7e) b.append(String.format("\\u%04x", (int) c));
      else b.append(c);
    }
    return b.append('"').toString();
  }

  static String hash(byte[] data) throws Exception {
    StringBuilder b = new StringBuilder();
    for (byte x : MessageDigest.getInstance("SHA-256").digest(data)) b.append(String.format("%02x", x));
    return b.toString();
  }

  static String value(Chunk c) { return c == null ? null : c.toString(); }

  static String describe(String name) throws Exception {
    MAPIMessage m = new MAPIMessage(name);
    m.setReturnNullOnMissingChunk(true);
    StringBuilder b = new StringBuilder("{\"file\":" + quote(name));
    b.append(",\"class\":").append(quote(value(m.getMainChunks().getMessageClass())));
    b.append(",\"subject\":").append(quote(m.getSubject()));
    b.append(",\"from_name\":").append(quote(m.getDisplayFrom()));
    b.append(",\"from\":").append(quote(value(m.getMainChunks().getEmailFromChunk())));
    b.append(",\"to\":").append(quote(m.getDisplayTo()));
    b.append(",\"cc\":").append(quote(m.getDisplayCC()));
    b.append(",\"recipients\":[");
    String sep = "";
    for (RecipientChunks r : m.getRecipientDetailsChunks()) {
      b.append(sep).append(quote(r.getRecipientEmailAddress()));
      sep = ",";
    }
    b.append("],\"attachments\":[");
    sep = "";
    for (AttachmentChunks a : m.getAttachmentFiles()) {
      b.append(sep).append("{\"name\":").append(quote(a.getAttachLongFileName() != null ? value(a.getAttachLongFileName()) : value(a.getAttachFileName())));
      boolean embedded = a.isEmbeddedMessage();
      b.append(",\"embedded\":").append(embedded);
      if (!embedded && a.getEmbeddedAttachmentObject() != null) {
        byte[] data = a.getEmbeddedAttachmentObject();
        b.append(",\"size\":").append(data.length).append(",\"sha256\":").append(quote(hash(data)));
      }
      b.append("}");
      sep = ",";
    }
    return b.append("]}").toString();
  }

  public static void main(String[] args) throws Exception {
    BufferedReader names = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
    PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, "UTF-8");
    for (String name; (name = names.readLine()) != null; ) {
      String line;
      try {
        line = describe(name);
      } catch (Throwable e) {
        line = "{\"file\":" + quote(name) + ",\"error\":" + quote(e.toString()) + "}";
      }
      out.println(line);
    }
    out.flush();
  }
}
