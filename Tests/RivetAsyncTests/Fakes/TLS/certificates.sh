#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes every certificate of the TLS tests in the directory $1, valid from now, so that none is committed or expires.
set -eu
cd "$1"

cat > ca.conf <<'CONF'
[req]
distinguished_name = name
[name]
[ca]
default_ca = own
[own]
database = index.txt
new_certs_dir = .
serial = serial
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = optional
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
CONF
: > index.txt
echo 1000 > serial

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

# root NAME: a certificate that issues itself.
root() {
    key "$1"
    openssl req -x509 -new -key "$1.key" -subj "/CN=$1" -days 30 -config ca.conf -extensions root -out "$1.pem"
}

# issue NAME ISSUER SUBJECT EXTENSIONS [OPTION...]: a certificate for the key "leaf", or NAME's own where it has one.
issue() {
    name=$1 issuer=$2 subject=$3 extensions=$4
    shift 4
    [ -f "$name.key" ] || cp leaf.key "$name.key"
    openssl req -new -key "$name.key" -subj "$subject" -config ca.conf -out "$name.csr"
    printf '%b' "$extensions" > "$name.ext"
    openssl x509 -req -in "$name.csr" -CA "$issuer.pem" -CAkey "$issuer.key" -set_serial "0x$(openssl rand -hex 8)" \
        -extfile "$name.ext" -days 20 -out "$name.pem" "$@" 2> /dev/null
}

# dated NAME FROM TO: a certificate of root for server.test with these dates.
dated() {
    cp leaf.key "$1.key"
    openssl req -new -key "$1.key" -subj "/CN=$1" -config ca.conf -out "$1.csr"
    echo 'subjectAltName = DNS:server.test' > "$1.ext"
    openssl ca -batch -notext -config ca.conf -cert root.pem -keyfile root.key -extfile "$1.ext" \
        -startdate "$2" -enddate "$3" -in "$1.csr" -out "$1.pem" 2> /dev/null
}

key leaf
root root
root stranger
key intermediate
issue intermediate root /CN=intermediate 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n'

issue good root /CN=good 'subjectAltName=DNS:server.test,DNS:localhost,DNS:*.port.test,IP:127.0.0.1\n'
issue wildcard root /CN=wildcard 'subjectAltName=DNS:*.wild.test\n'
issue partial root /CN=partial 'subjectAltName=DNS:w*.wild.test\n'
issue twostars root /CN=twostars 'subjectAltName=DNS:*.*.test\n'
issue elsewhere root /CN=elsewhere 'subjectAltName=DNS:elsewhere.test,IP:127.0.0.2\n'
issue nameonly root /CN=server.test 'basicConstraints=CA:FALSE\n'
issue clientonly root /CN=clientonly 'subjectAltName=DNS:server.test\nextendedKeyUsage=clientAuth\n'
issue weakdigest root /CN=weakdigest 'subjectAltName=DNS:server.test\n' -sha1
openssl genrsa -out weakkey.key 1024 2> /dev/null
issue weakkey root /CN=weakkey 'subjectAltName=DNS:server.test\n'
issue unknown stranger /CN=unknown 'subjectAltName=DNS:server.test\n'
issue chained intermediate /CN=chained 'subjectAltName=DNS:server.test\n'
issue client root /CN=a-client 'extendedKeyUsage=clientAuth\n'
issue chainedclient intermediate /CN=a-chained-client 'extendedKeyUsage=clientAuth\n'
issue intruder stranger /CN=an-intruder 'extendedKeyUsage=clientAuth\n'
dated expired 20200101000000Z 20210101000000Z
dated future 20990101000000Z 20991231000000Z
cp leaf.key selfsigned.key
openssl req -x509 -new -key leaf.key -subj /CN=selfsigned -days 20 -config ca.conf \
    -addext 'subjectAltName=DNS:server.test' -out selfsigned.pem

cat chained.pem intermediate.pem > chain.pem
cp leaf.key chain.key
cat chainedclient.pem intermediate.pem > clientchain.pem
cp leaf.key clientchain.key
cat unknown.pem stranger.pem > unknownchain.pem
cp leaf.key unknownchain.key
openssl ec -in leaf.key -aes128 -passout pass:secret -out locked.key 2> /dev/null
mkdir hashed
cp root.pem hashed/
openssl rehash hashed
