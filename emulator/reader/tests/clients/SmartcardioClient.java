// SPDX-License-Identifier: MIT OR Apache-2.0

import java.util.Arrays;
import java.util.List;
import javax.smartcardio.Card;
import javax.smartcardio.CardChannel;
import javax.smartcardio.CardException;
import javax.smartcardio.CardNotPresentException;
import javax.smartcardio.CardTerminal;
import javax.smartcardio.CommandAPDU;
import javax.smartcardio.ResponseAPDU;
import javax.smartcardio.TerminalFactory;

/** What a Java program does with readers, told to the test line by line. */
public class SmartcardioClient {
    private static final byte[] ATR = {0x3B, (byte) 0x84, (byte) 0x80, 0x01, 'T', 'E', 'S', 'T', 0x13};

    private static void say(String words) {
        System.out.println(words);
        System.out.flush();
    }

    private static void check(boolean good, String what) {
        if (!good) {
            throw new IllegalStateException(what);
        }
    }

    private static ResponseAPDU exchange(Card card, byte[] command) throws CardException {
        CardChannel channel = card.getBasicChannel();
        return channel.transmit(new CommandAPDU(command));
    }

    public static void main(String[] arguments) throws Exception {
        List<CardTerminal> terminals = TerminalFactory.getDefault().terminals().list();
        StringBuilder names = new StringBuilder("readers");
        for (CardTerminal terminal : terminals) {
            names.append(' ').append(terminal.getName());
        }
        say(names.toString());
        CardTerminal first = terminals.get(0);
        CardTerminal second = terminals.get(1);

        check(first.isCardPresent() && !second.isCardPresent(), "presence");
        Card card = first.connect("*");
        check(card.getProtocol().equals("T=1"), "protocol");
        check(Arrays.equals(card.getATR().getBytes(), ATR), "answer to reset");
        ResponseAPDU answer = exchange(card, new byte[] {0x00, (byte) 0xB0, 0x00, 0x00, 0x10});
        check(answer.getSW() == 0x9000 && answer.getData().length == 16, "READ BINARY");
        byte[] features = card.transmitControlCommand(0x42000D48, new byte[0]);
        check(features.length == 6 && features[0] == 0x12, "features");

        card.beginExclusive();
        check(exchange(card, new byte[] {0x00, (byte) 0xA4, 0x00, 0x00}).getSW() == 0x9000, "SELECT");
        say("exclusive");
        System.in.read();
        card.endExclusive();
        say("shared again");
        System.in.read();
        card.disconnect(true);

        try {
            second.connect("*");
        } catch (CardNotPresentException error) {
            say("second is empty");
        }
        say("waiting");
        check(second.waitForCardPresent(60_000), "insertion");
        Card inserted = second.connect("T=1");
        check(exchange(inserted, new byte[] {0x00, (byte) 0xA4, 0x00, 0x00}).getSW() == 0x9000, "SELECT");
        say("inserted");
        check(second.waitForCardAbsent(60_000), "removal");
        try {
            exchange(inserted, new byte[] {0x00, (byte) 0xA4, 0x00, 0x00});
            say("removed, and it answers");
        } catch (CardException error) {
            say("removed");
        }
        say("done");
        while (System.in.read() >= 0) {
            // Until the test is done.
        }
    }
}
