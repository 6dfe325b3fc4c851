package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// authority is a throw-away certificate authority; every key is P-256, PKCS#8.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  crypto.Signer
}

func newKey() *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	return k
}

func writePEM(path, kind string, der []byte) {
	check(os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

func writeKey(path string, k *ecdsa.PrivateKey) {
	der, err := x509.MarshalPKCS8PrivateKey(k)
	check(err)
	writePEM(path, "PRIVATE KEY", der)
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	check(err)
	return n
}

// newAuthority writes ca.crt, ca.key and the service-account key pair (sa.key, sa.pub).
func newAuthority(dir string) *authority {
	check(os.MkdirAll(dir, 0o700))
	key := newKey()
	tmpl := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "kubernetes-testbed"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	check(err)
	cert, err := x509.ParseCertificate(der)
	check(err)
	a := &authority{dir, cert, key}
	writePEM(a.file("ca.crt"), "CERTIFICATE", der)
	writeKey(a.file("ca.key"), key)
	sa := newKey()
	writeKey(a.file("sa.key"), sa)
	pub, err := x509.MarshalPKIXPublicKey(sa.Public())
	check(err)
	writePEM(a.file("sa.pub"), "PUBLIC KEY", pub)
	return a
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// issue writes NAME.crt and NAME.key, good for both ends of a connection.
func (a *authority) issue(name, user, group string, hosts ...string) {
	tmpl := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: user},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	if group != "" {
		tmpl.Subject.Organization = []string{group}
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			tmpl.IPAddresses = append(tmpl.IPAddresses, ip)
		} else {
			tmpl.DNSNames = append(tmpl.DNSNames, h)
		}
	}
	key := newKey()
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, key.Public(), a.key)
	check(err)
	writePEM(a.file(name+".crt"), "CERTIFICATE", der)
	writeKey(a.file(name+".key"), key)
}

// kubeconfig writes a self-contained client configuration for the certificate NAME.
func (a *authority) kubeconfig(path, server, name string) {
	b64 := func(f string) string {
		b, err := os.ReadFile(a.file(f))
		check(err)
		return base64.StdEncoding.EncodeToString(b)
	}
	check(os.WriteFile(path, []byte(fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: testbed
contexts: [{name: testbed, context: {cluster: testbed, user: testbed}}]
clusters: [{name: testbed, cluster: {server: "%s", certificate-authority-data: %s}}]
users: [{name: testbed, user: {client-certificate-data: %s, client-key-data: %s}}]
`, server, b64("ca.crt"), b64(name+".crt"), b64(name+".key"))), 0o600))
}
