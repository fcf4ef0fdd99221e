// SPDX-License-Identifier: MIT OR Apache-2.0
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.Security;
import java.security.Signature;
import java.security.cert.X509Certificate;

/** Java's own PKCS#11 provider with the card: configuration file, text, folder for signatures. */
public final class Sign {
    public static void main(String[] args) throws Exception {
        Provider provider = Security.getProvider("SunPKCS11").configure(args[0]);
        Security.addProvider(provider);
        KeyStore store = KeyStore.getInstance("PKCS11", provider);
        store.load(null, System.getenv("CIE_PIN").toCharArray());
        String alias = null;
        for (String each : java.util.Collections.list(store.aliases())) {
            System.out.println("alias: " + each + (store.isKeyEntry(each) ? " (key)" : ""));
            alias = store.isKeyEntry(each) ? each : alias;
        }
        PrivateKey key = (PrivateKey) store.getKey(alias, null);
        X509Certificate certificate = (X509Certificate) store.getCertificate(alias);
        System.out.println("subject: " + certificate.getSubjectX500Principal());
        byte[] text = Files.readAllBytes(Path.of(args[1]));
        for (String hash : new String[] {"SHA1", "SHA256", "SHA384", "SHA512"}) {
            Signature signer = Signature.getInstance(hash + "withRSA", provider);
            signer.initSign(key);
            signer.update(text);
            byte[] signature = signer.sign();
            Files.write(Path.of(args[2], hash.toLowerCase()), signature);
            // The provider's own verification would want to copy the key to
            // the token, which has no place for it.
            Signature verify = Signature.getInstance(hash + "withRSA", "SunRsaSign");
            verify.initVerify(certificate.getPublicKey());
            verify.update(text);
            if (!verify.verify(signature)) throw new AssertionError(hash);
        }
        try {
            Signature pss = Signature.getInstance("RSASSA-PSS", provider);
            pss.initSign(key);
            throw new AssertionError("PSS");
        } catch (java.security.NoSuchAlgorithmException e) {
            System.out.println("no PSS: " + e.getMessage());
        }
        byte[] random = new byte[32];
        java.security.SecureRandom.getInstance("PKCS11", provider).nextBytes(random);
        System.out.println("done");
    }
}
