SUMMARY = "Verify handwritten signatures: library, header and model"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE;md5=86d3f3a95c324c9479bd8986968f4327"

# Where the source tree lies: SIGVERIFY_SOURCE = "/path/to/sigverify" in local.conf.
# For a product: SRC_URI with a release archive and its sha256sum, in place of externalsrc.
inherit cmake externalsrc
EXTERNALSRC = "${SIGVERIFY_SOURCE}"
EXTERNALSRC_BUILD = "${WORKDIR}/build"
OECMAKE_SOURCEPATH = "${S}/firmware_bridge/libsigverify"

do_install:append() {
    install -D -m 0644 ${S}/sigverify/models/base.sigmodel ${D}${datadir}/sigverify/base.sigmodel
}

PACKAGES =+ "${PN}-model"
FILES:${PN}-model = "${datadir}/sigverify/base.sigmodel"
RRECOMMENDS:${PN} += "${PN}-model"
