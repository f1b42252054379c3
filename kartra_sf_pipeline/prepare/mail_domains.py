"""Domains that say nothing about whom a person works for."""

from __future__ import annotations

from typing import Final

from kartra_sf_pipeline.prepare.text import word_set

# Big enough that a domain one slip away from them is almost surely that slip.
BIG_MAIL_DOMAINS: Final = word_set(
    """
    gmail.com googlemail.com yahoo.com hotmail.com outlook.com icloud.com aol.com live.com
    msn.com me.com comcast.net verizon.net sbcglobal.net bellsouth.net yahoo.co.uk
    hotmail.co.uk btinternet.com protonmail.com yahoo.ca hotmail.fr yahoo.fr outlook.fr
    yahoo.com.au bigpond.com rocketmail.com optonline.net earthlink.net
    """
)

# Near a big one by chance, and real.
_LOOKALIKES: Final = word_set(
    """
    ymail.com mail.com email.com gmx.com gmx.de gmx.net yahoo.de yahoo.es yahoo.it
    yahoo.com.br yahoo.com.mx yahoo.com.ar yahoo.co.in yahoo.in yahoo.co.id yahoo.co.jp
    yahoo.com.sg yahoo.com.ph yahoo.com.hk yahoo.com.tw yahoo.co.nz yahoo.co.za yahoo.se
    yahoo.no yahoo.dk yahoo.gr yahoo.ie yahoo.pl yahoo.ro yahoo.com.vn yahoo.com.my hotmail.de
    hotmail.es hotmail.it hotmail.nl hotmail.be hotmail.ca hotmail.se hotmail.no hotmail.dk
    hotmail.com.br hotmail.com.ar hotmail.com.mx hotmail.co.nz hotmail.co.za outlook.de
    outlook.es outlook.it outlook.pt outlook.dk outlook.ie outlook.com.br outlook.com.au
    outlook.be outlook.jp outlook.in live.co.uk live.ca live.fr live.nl live.de live.it
    live.be live.com.au live.com.mx live.no live.se live.dk fmail.com tmail.com zmail.com
    imail.com pmail.com bmail.com proton.me pm.me mac.com
    """
)

FREE_MAIL_DOMAINS: Final = (
    BIG_MAIL_DOMAINS
    | _LOOKALIKES
    | word_set(
        """
    126.com 163.com 139.com 189.cn 21cn.com aim.com aliyun.com alice.it aol.co.uk aol.de
    aon.at arcor.de att.net ameritech.net atlanticbb.net att.com.mx bell.net bellatlantic.net
    blueyonder.co.uk bluewin.ch bol.com.br bigpond.net.au btopenworld.com cableone.net
    centurylink.net centurytel.net charter.net chello.nl club-internet.fr cox.net cs.com
    daum.net duck.com eircom.net embarqmail.com emailn.de excite.com fastmail.com fastmail.fm
    fastwebnet.it free.fr freemail.hu freenet.de frontier.com frontiernet.net fsmail.net
    gmx.at gmx.ch gmx.co.uk gmx.fr gmx.us gmx.info hanmail.net hey.com home.nl hotmail.com.au
    hush.com hushmail.com iinet.net.au inbox.com inbox.lv inbox.ru insightbb.com interia.pl
    internode.on.net juno.com keemail.me kpnmail.nl laposte.net libero.it list.ru lycos.com
    mail.de mail.ee mail.ru mailbox.org mailinator.com mchsi.com mindspring.com nate.com
    naver.com naver.co.jp netscape.net netzero.com netzero.net neuf.fr ntlworld.com
    numericable.fr nycap.rr.com o2.pl online.de online.no onet.pl op.pl optusnet.com.au
    orange.fr orange.net outlook.cl outlook.co.id outlook.co.nz outlook.co.th outlook.com.ar
    outlook.com.tr outlook.cz outlook.hu outlook.kr outlook.my outlook.ph outlook.sa
    outlook.sg pacbell.net peoplepc.com planet.nl poczta.onet.pl posteo.de posteo.net
    prodigy.net prodigy.net.mx protonmail.ch q.com qq.com rambler.ru rediffmail.com
    roadrunner.com rogers.com rr.com runbox.com sapo.pt seznam.cz sfr.fr shaw.ca sina.cn
    sina.com sky.com skynet.be snet.net sohu.com startmail.com suddenlink.net swbell.net
    sympatico.ca t-online.de talktalk.net tds.net telefonica.net telenet.be telia.com
    telus.net terra.com.br terra.es tiscali.co.uk tiscali.it tin.it tpg.com.au tuta.io
    tutanota.com tutanota.de twc.com tx.rr.com ukr.net uol.com.br usa.net videotron.ca
    virgilio.it virgin.net virginmedia.com voila.fr wanadoo.fr wanadoo.es web.de
    westnet.com.au windowslive.com windstream.net wowway.com wp.pl xtra.co.nz ya.ru yandex.com
    yandex.ru zoho.com ziggo.nl zoominternet.net hotmail.com.tr hotmail.gr hotmail.ch
    hotmail.at live.at live.ch live.cn live.ie live.in live.jp live.pt live.ru live.co.za
    live.cl icloud.com.cn privaterelay.appleid.com simplelogin.com guerrillamail.com
    yopmail.com 10minutemail.com trashmail.com temp-mail.org sharklasers.com
    """
    )
)

# Sites where a page belongs to a person or firm, but the domain does not.
SHARED_SITES: Final = word_set(
    """
    facebook.com fb.com fb.me instagram.com linkedin.com lnkd.in twitter.com x.com t.co
    tiktok.com youtube.com youtu.be pinterest.com snapchat.com threads.net whatsapp.com wa.me
    t.me reddit.com linktr.ee linktree.com beacons.ai bio.link about.me carrd.co medium.com
    substack.com patreon.com etsy.com ebay.com amazon.com amazon.co.uk airbnb.com yelp.com
    google.com goo.gl g.page bit.ly tinyurl.com calendly.com eventbrite.com meetup.com
    soundcloud.com spotify.com vimeo.com wordpress.com blogspot.com blogger.com tumblr.com
    wix.com wixsite.com weebly.com squarespace.com godaddysites.com shopify.com myshopify.com
    kartra.com webflow.io netlify.app vercel.app github.io github.com gitlab.io herokuapp.com
    sites.google.com angelfire.com tripod.com
    """
)
